import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nameOf } from "../../dev/standins/kubernetes/fields";
import { isNamed, uniqueName, withFormerName, withName } from "../../dev/standins/kubernetes/naming";

const seed = fc.uint8Array({ minLength: 1, maxLength: 32 });
const autonamed = { annotations: { "pulumi.com/autonamed": "true" } };

describe("names", () => {
    test("one seed makes one name, of eight digits", () => {
        fc.assert(
            fc.property(fc.string(), seed, (prefix, bytes) => {
                const name = uniqueName(prefix, bytes);
                expect(name).toBe(uniqueName(prefix, bytes));
                expect(name.slice(0, prefix.length)).toBe(prefix);
                expect(name.slice(prefix.length)).toMatch(/^[0-9a-f]{8}$/);
            }),
        );
    });

    test("without a seed no two names are the same", () => {
        expect(new Set(Array.from({ length: 100 }, () => uniqueName("x-"))).size).toBe(100);
    });

    test("a name that the program gives is never touched", () => {
        const named = { metadata: { name: "mine" } };
        expect(withName(named, "resource", new Uint8Array(), { mode: "disable" })).toEqual(named);
        expect(withFormerName(named, { metadata: { name: "old", ...autonamed } })).toEqual(named);
        expect(isNamed({ metadata: { name: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" } })).toBe(true);
    });

    test("a made name is marked, and kept", () => {
        const made = withName({}, "resource", new Uint8Array([1]), undefined);
        expect(made).toEqual({ metadata: { name: expect.stringMatching(/^resource-/), ...autonamed } });
        expect(withFormerName({}, made)).toEqual(made);
    });

    test("a former name that the program gave is not kept", () => {
        expect(nameOf(withFormerName({}, { metadata: { name: "given" } }))).toBe("");
    });

    test("the engine's own rule wins", () => {
        const named = withName({}, "resource", new Uint8Array(), { mode: "enforce", name: "by-pattern" });
        expect(nameOf(named)).toBe("by-pattern");
        expect(() => withName({}, "resource", new Uint8Array(), { mode: "disable" })).toThrow("autonaming is disabled");
    });
});
