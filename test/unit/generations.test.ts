import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { baseName } from "../../agent/postgres/base";
import { generationsOf, rulesOf } from "../../components/generations";
import { generationId } from "../../contract";
import { parseSettings } from "../../settings";

const parts = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer()));

describe("a generation's id", () => {
    it("is ten hexadecimal characters, whatever is in it", () => {
        fc.assert(
            fc.property(parts, (given) => {
                expect(generationId(given)).toMatch(/^[0-9a-f]{10}$/);
            }),
        );
    });

    it("does not depend on the order of its parts", () => {
        const reversed = (given: object) => Object.fromEntries(Object.entries(given).reverse());
        fc.assert(
            fc.property(parts, (given) => {
                expect(generationId(reversed(given))).toBe(generationId(given));
            }),
        );
    });

    it("changes with any part", () => {
        fc.assert(
            fc.property(parts, fc.string(), fc.string(), (given, key, value) => {
                fc.pre(given[key] !== value);
                expect(generationId({ ...given, [key]: value })).not.toBe(generationId(given));
            }),
        );
    });

    it("tells a part's name from its value", () => {
        expect(generationId({ a: "b", c: "d" })).not.toBe(generationId({ a: "d", c: "b" }));
    });

    it("leaves room for itself in a PostgreSQL name", () => {
        expect(Buffer.byteLength(baseName("x".repeat(46), "0123456789"))).toBe(63);
    });
});

const config = (database: object, media: object): Record<string, string> => ({
    "understudy:source": JSON.stringify({ database: { hostPath: "/backups" }, media: { hostPath: "/files" } }),
    "understudy:target": JSON.stringify({ context: "c", namespace: "replica" }),
    "understudy:image": "app",
    "understudy:imageTag": "1",
    "understudy:database": JSON.stringify({ name: "shop", owner: "shop", volume: "1Gi", ...database }),
    "understudy:media": JSON.stringify({ volume: "1Gi", ...media }),
    "understudy:application": JSON.stringify({ mediaPath: "/media" }),
    "understudy:isolation": JSON.stringify({ server: [{ cidr: "10.1.2.3/32" }] }),
});

describe("the generations that settings ask for", () => {
    const of = (database = {}, media = {}) => generationsOf(parseSettings(config(database, media), "understudy", "t"));

    it.each([
        { what: "another refresh of the database", database: { refresh: "2" }, media: {}, changed: ["database"] },
        { what: "another backup", database: { backup: "2026-11-20T02:04:01Z" }, media: {}, changed: ["database"] },
        { what: "dumps of the whole server", database: { dump: "server" }, media: {}, changed: ["database"] },
        {
            what: "a further database",
            database: { others: [{ name: "audit", owner: "auditor" }] },
            media: {},
            changed: ["database"],
        },
        {
            what: "another name or owner in production",
            database: { production: { name: "store" } },
            media: {},
            changed: ["database"],
        },
        { what: "another refresh of the media", database: {}, media: { refresh: "2" }, changed: ["media"] },
        { what: "another way to share unchanged files", database: {}, media: { sharing: "copy" }, changed: ["media"] },
        { what: "links that are kept", database: {}, media: { links: "keep" }, changed: ["media"] },
        { what: "what is left out", database: {}, media: { exclude: ["cache"] }, changed: ["media"] },
        {
            what: "production's own files in the place of copies",
            database: {},
            media: { mode: "share-read-only", volume: undefined },
            changed: ["media"],
        },
        { what: "a sentinel", database: {}, media: { sentinel: ".here" }, changed: ["media"] },
        {
            what: "how much may be lacking and how much is compared",
            database: {},
            media: { maximumDeletions: 90, verify: { copied: 10 } },
            changed: [],
        },
        { what: "both", database: { refresh: "2" }, media: { refresh: "2" }, changed: ["database", "media"] },
        {
            what: "sizes, ages, counts, how much is proven and which extensions may be made",
            database: { volume: "2Gi", maximumAge: "9d", amcheck: true, extensions: ["postgis"] },
            media: { keepGenerations: 5 },
            changed: [],
        },
    ])("change for $what in $changed", ({ database, media, changed }) => {
        const [before, after] = [of(), of(database, media)];
        const keys = (["database", "media"] as const).filter((key) => before[key] !== after[key]);
        expect(keys).toEqual(changed);
    });

    it("change with how text is stored and sorted, and not where that is as by default", () => {
        const asked = [
            {},
            { encoding: "LATIN1" },
            { locale: "C" },
            { locale: "en-US" },
            { locale: "en-US", localeProvider: "icu" },
            { locale: "C", encoding: "LATIN1" },
        ];
        expect(new Set(asked.map((one) => of(one).database)).size).toBe(asked.length);
        const rules = asked.map((one) => rulesOf(parseSettings(config(one, {}), "understudy", "t")));
        expect(new Set(rules).size).toBe(asked.length);
        expect(of({ encoding: "UTF8", localeProvider: "libc" })).toEqual(of());
    });

    it("change with the place in a bucket, and not with whose credentials read it", () => {
        const inBuckets = (database: object, media: object) => {
            const bucket = { bucket: "shop", secret: "reader" };
            const source = { database: { s3: { ...bucket, ...database } }, media: { s3: { ...bucket, ...media } } };
            const settings = { ...config({}, {}), "understudy:source": JSON.stringify(source) };
            return generationsOf(parseSettings(settings, "understudy", "t"));
        };
        const { database, media } = inBuckets({ prefix: "backups" }, { prefix: "files" });
        const read = (secret: string) => inBuckets({ prefix: "backups", secret }, { prefix: "files", secret });
        expect(read("another")).toEqual({ database, media });
        expect(inBuckets({ prefix: "other" }, { prefix: "files" })).toMatchObject({ media });
        expect(inBuckets({ prefix: "other" }, { prefix: "files" }).database).not.toBe(database);
        expect(inBuckets({ prefix: "backups" }, { prefix: "other" })).toMatchObject({ database });
        expect(inBuckets({ prefix: "backups" }, { prefix: "other" }).media).not.toBe(media);
    });

    it("change with the server that is brought, and not with who governs it", () => {
        const on = (server: object) => {
            const brought = { host: "db.example.org", passwordSecret: "admin", ...server };
            return of({ volume: undefined, server: brought });
        };
        const own = of();
        const ids = [own, on({}), on({ host: "other.example.org" }), on({ port: 5433 })].map((one) => one.database);
        expect(new Set(ids).size).toBe(4);
        expect(on({}).media).toBe(own.media);
        expect(on({ user: "root", passwordSecret: "other" })).toEqual(on({}));
        expect(on({ port: 5432 })).toEqual(on({}));
    });

    it("keep their ids from version to version, so that a replica is not restored anew", () => {
        expect(of()).toEqual({ database: "fea5f7a6f2", media: "cdaaaf57b9" });
        expect(of({ dump: "database", production: { name: "shop", owner: "shop" } })).toEqual(of());
    });

    it("are the former ones again when a setting goes back", () => {
        expect(of({ refresh: "1" })).toEqual(of());
    });
});

describe("the rules that two copies of one backup have in common", () => {
    const production = { name: "store", owner: "keeper" };
    const of = (database: object) => {
        const whole = { name: "shop", owner: "shop", production, volume: "1Gi", ...database };
        return rulesOf(
            parseSettings({ ...config({}, {}), "understudy:database": JSON.stringify(whole) }, "understudy", "t"),
        );
    };

    it.each([
        { what: "name and owner here", database: { name: "copy", owner: "copyist" } },
        {
            what: "backup, refresh and age",
            database: { backup: "2026-11-20T02:04:01Z", refresh: "2", maximumAge: "9d" },
        },
        { what: "what is kept and proven", database: { keepBase: true, keepGenerations: 3, amcheck: true } },
        { what: "a minor version of the client tools", database: { image: "registry:5000/postgres:15.20-bookworm" } },
        {
            what: "the server",
            database: { volume: undefined, server: { host: "db.example.org", passwordSecret: "admin" } },
        },
    ])("do not change with $what", ({ database }) => {
        expect(of(database)).toBe(of({}));
    });

    it.each([
        { what: "name in production", database: { production: { ...production, name: "shop" } } },
        { what: "owner in production", database: { production: { ...production, owner: "shop" } } },
        { what: "kind of dump", database: { dump: "server" } },
        { what: "further database", database: { others: [{ name: "audit", owner: "auditor" }] } },
        { what: "extension that may be made", database: { extensions: ["postgis"] } },
        { what: "major version of the client tools", database: { image: "postgres:16-bookworm" } },
        {
            what: "superuser",
            database: { volume: undefined, server: { host: "db.example.org", user: "root", passwordSecret: "admin" } },
        },
    ])("change with another $what", ({ database }) => {
        expect(of(database)).not.toBe(of({}));
    });

    it("change with the number of databases that a dump has to hold", () => {
        const [any, three] = [of({ dump: "server" }), of({ dump: "server", expectedCount: 3 })];
        expect(three).not.toBe(any);
    });
});
