import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { changes, replacing, steps, without, written } from "../../dev/standins/kubernetes/changes";
import type { Fields, Value } from "../../dev/standins/kubernetes/fields";
import { touches } from "../../dev/standins/kubernetes/replacement";

const key = fc.oneof(
    fc.constantFrom("spec", "name", "app.kubernetes.io/name", 'quo"te', "a[0]"),
    fc.string({ minLength: 1 }),
);
const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
const { fields } = fc.letrec<{ fields: Fields; value: Value }>((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, leaf, tie("fields"), fc.array(tie("value"), { maxLength: 3 })),
    fields: fc.dictionary(key, tie("value"), { maxKeys: 4 }),
}));

describe("changes", () => {
    test("nothing differs from itself", () => {
        fc.assert(
            fc.property(fields, (object) => {
                expect(changes(object, object, []).size).toBe(0);
            }),
        );
    });

    test("what is added one way is deleted the other way", () => {
        fc.assert(
            fc.property(fields, fields, (one, other) => {
                const reversed = new Map([...changes(other, one, [])].map(([path, kind]) => [path, opposite(kind)]));
                expect(reversed).toEqual(changes(one, other, []));
            }),
        );
    });

    test("a field that cannot be changed replaces the object, and nothing else does", () => {
        const former = { spec: { template: { image: "a", args: ["x"] }, replicas: 1 } };
        const next = { spec: { template: { image: "b", args: ["x", "y"] }, replicas: 2 } };
        const found = changes(former, next, ["spec.template"]);
        expect(Object.fromEntries(found)).toEqual({
            "spec.template.image": "update-replace",
            "spec.template.args[1]": "add-replace",
            "spec.replicas": "update",
        });
        expect(replacing(found)).toEqual(["spec.template.image", "spec.template.args[1]"]);
    });

    test("an unknown object leaves none of the former keys known", () => {
        const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
        const former = { data: { a: "1", b: "2" }, name: "x" };
        const found = changes(former, { data: unknown, name: unknown }, ["data"]);
        expect(Object.fromEntries(found)).toEqual({
            "data.a": "delete-replace",
            "data.b": "delete-replace",
            name: "update",
        });
    });

    test("ignored paths take what is below them along", () => {
        const found = changes({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: 2, c: 3 }, d: [2] }, []);
        expect([...without(found, ["a", "d[*]"])]).toEqual([]);
        expect([...without(found, ["a.b"]).keys()]).toEqual(["a.c", "d[0]"]);
    });
});

describe("touches", () => {
    test("a whole object brings the field along only if it holds it", () => {
        expect(touches(["spec"], { clusterIP: "None" }, ["spec.clusterIP"])).toBe(true);
        expect(touches(["spec"], { type: "ClusterIP" }, ["spec.clusterIP"])).toBe(false);
        expect(touches(["spec"], undefined, ["spec.clusterIP"])).toBe(false);
    });

    test("a star is any position of a list", () => {
        expect(touches(["spec", "containers", 3, "image"], "x", ["spec.containers.*.image"])).toBe(true);
        expect(touches(["spec", "containers", 3, "name"], "x", ["spec.containers.*.image"])).toBe(false);
        expect(touches(["spec", "containers"], [{ image: "x" }], ["spec.containers.*.image"])).toBe(true);
    });
});

test("a path is read as it was written", () => {
    const path = fc.array(fc.oneof(key, fc.nat(9)), { minLength: 1 });
    fc.assert(
        fc.property(path, (given) => {
            fc.pre(given.every((step) => typeof step === "number" || !step.includes("\\")));
            expect(steps(written(given))).toEqual(given.map(String));
        }),
    );
});

function opposite(kind: string): string {
    return { add: "delete", delete: "add" }[kind] ?? kind;
}
