import { describe, expect, it } from "vitest";
import { describePreview } from "../../../cli/preview";
import { generationsOf } from "../../../components/generations";
import type { Sighting } from "../../../sighting";
import { settings } from "./seen";

describe("a preview", () => {
    const asked = generationsOf(settings);
    const before = { database: "00000000aa", media: "00000000bb" };
    const lines = (sighting: Sighting | undefined, changes = {}) =>
        describePreview(settings, sighting, changes).split("\n");

    it("says what is refreshed from which backup, and what becomes of what is there", () => {
        const application = { image: "shop:0.9", generations: before };
        expect(lines({ live: before, application }, { create: 2, replace: 5, same: 20, "delete-replaced": 5 })).toEqual(
            [
                `database   is refreshed from backup 2026-11-20T02:04:01Z: generation ${asked.database} in place of ` +
                    "00000000aa, at once if it is still there; 1 former copy is kept",
                `media      is copied from production: generation ${asked.media} in place of 00000000bb, at once if it ` +
                    "is still there; 1 former copy is kept",
                "image tag  1.0 takes the place of 0.9",
                "objects    2 made, 5 made anew, 20 unchanged",
                "a wipe     would keep 1 volume: media",
            ],
        );
    });

    it("says what stays as it is", () => {
        const text = lines({ live: asked, application: { image: "shop:1.0", generations: asked } });
        expect(text[0]).toBe(`database   stays as it is, generation ${asked.database}`);
        expect(text[1]).toBe(`media      stays as it is, generation ${asked.media}`);
        expect(text[2]).toBe("image tag  1.0");
    });

    it("takes what the application mounts for live when the last switch has failed", () => {
        expect(lines({ application: { image: "shop:1.0", generations: asked } })[0]).toMatch(/stays as it is/);
    });

    it("says that it is the first one, or that it could not look", () => {
        expect(lines({})[0]).toMatch(/generation \w+, the first one$/);
        expect(lines(undefined)[0]).toMatch(/what is live could not be looked at$/);
    });
});
