import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Fields } from "../../dev/standins/kubernetes/fields";
import { normal, pruned } from "../../dev/standins/kubernetes/normal";
import { canonicalQuantity } from "../../dev/standins/kubernetes/quantity";

describe("quantities", () => {
    test.each([
        ["0.5", "500m"],
        ["1.5", "1500m"],
        ["1000m", "1"],
        ["1000", "1k"],
        ["2048Mi", "2Gi"],
        ["1.5Gi", "1536Mi"],
        ["1000Ki", "1000Ki"],
        ["0.5Ki", "512"],
        ["0.9765625Ki", "1k"],
        ["100", "100"],
        ["0", "0"],
        ["1M", "1M"],
        ["not one", "not one"],
        ["", ""],
    ])("%s is %s", (text, canonical) => expect(canonicalQuantity(text)).toBe(canonical));

    test("the canonical form is its own", () => {
        const suffix = fc.constantFrom("", "m", "k", "M", "G", "Ki", "Mi", "Gi");
        fc.assert(
            fc.property(fc.nat(1_000_000), suffix, (number, unit) => {
                const canonical = canonicalQuantity(`${number}${unit}`);
                expect(canonicalQuantity(canonical)).toBe(canonical);
            }),
        );
    });
});

describe("normal form", () => {
    test("words of a Secret go where the API server keeps them", () => {
        const secret = { apiVersion: "v1", kind: "Secret", stringData: { a: "new" }, data: { a: "b2xk", b: "Yg==\n" } };
        expect(normal(secret)).toEqual({ apiVersion: "v1", kind: "Secret", data: { a: "bmV3", b: "Yg==\n" } });
        expect(normal({ ...secret, stringData: {} }).data).toEqual({ a: "b2xk", b: "Yg==" });
    });

    test("defaults are left out where the API server leaves them out, and only there", () => {
        const spec = {
            hostNetwork: false,
            suspend: false,
            replicas: 0,
            nodePort: 0,
            ingress: [],
            podSelector: {},
            env: [{ name: "EMPTY", value: "" }],
            requests: { cpu: 0.1 },
            storageClassName: "",
        };
        expect(normal({ kind: "Any", metadata: { labels: {}, uid: "u" }, spec })).toEqual({
            kind: "Any",
            metadata: {},
            spec: {
                suspend: false,
                replicas: 0,
                podSelector: {},
                env: [{ name: "EMPTY" }],
                requests: { cpu: "100m" },
                storageClassName: "",
            },
        });
    });

    test("the user's own maps are left alone", () => {
        const map = { empty: "", requests: "0.5" };
        const object = { kind: "ConfigMap", metadata: { annotations: map }, data: map };
        expect(normal(object)).toEqual(object);
    });

    test("only the given fields of a live object count, element by element", () => {
        const live: Fields = { a: 1, b: { c: 1, d: 2 }, e: [{ f: 1, g: 2 }, { f: 3 }] };
        expect(pruned(live, { b: { d: 0 }, e: [{ g: 0 }] })).toEqual({ b: { d: 2 }, e: [{ g: 2 }] });
    });
});
