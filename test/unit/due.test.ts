import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dueOn, share } from "../due";

const list = fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 60 });
const day = fc.integer({ min: 20_000, max: 40_000 });

describe("what is due", () => {
    it("is a fourth of all, and never nothing", () => {
        fc.assert(
            fc.property(list, day, (all, day) => {
                expect(dueOn(day, all)).toHaveLength(Math.ceil(all.length / share));
            }),
        );
    });

    it("comes up within four days, whatever it is", () => {
        fc.assert(
            fc.property(list, day, (all, day) => {
                const days = Array.from({ length: share }, (_, later) => dueOn(day + later, all));
                expect(new Set(days.flat())).toEqual(new Set(all));
            }),
        );
    });
});
