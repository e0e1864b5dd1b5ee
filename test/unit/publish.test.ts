import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { catalogueOf, contentsOf, roomInCluster, toldToCluster, wholeLines } from "../../agent/publish/catalogue";
import { type Kept, promoted, promotions, pruned } from "../../agent/publish/retention";
import type { Published } from "../../agent/publish/tier";
import { contentsEntry } from "../../contract/contents";
import { entriesIn, type Manifest, type Tier, tiers } from "../../contract/manifest";

const hour = 3_600_000;
const day = 24 * hour;

function kept(time: number, good = true): Kept {
    return { stamp: new Date(time).toISOString(), time, good };
}

/** A schedule's runs: one an hour, some minutes late and some of them left out. */
const schedule = fc
    .array(fc.record({ late: fc.integer({ min: 0, max: 170_000 }), runs: fc.integer({ min: 0, max: 9 }) }), {
        minLength: 1,
        maxLength: 2000,
    })
    .map((hours) => hours.flatMap(({ late, runs }, at) => (runs === 0 ? [] : [kept(at * hour + late)])));

const numbers = fc.record({
    hourly: fc.integer({ min: 1, max: 30 }),
    daily: fc.integer({ min: 0, max: 8 }),
    weekly: fc.integer({ min: 0, max: 5 }),
    monthly: fc.integer({ min: 0, max: 3 }),
});

/** A store after each of these runs: its tiers, promoted and pruned as the publisher does. */
function stored(runs: Kept[], keep: Record<Tier, number>): Record<Tier, Kept[]> {
    const store: Record<Tier, Kept[]> = { hourly: [], daily: [], weekly: [], monthly: [] };
    for (const run of runs) {
        store.hourly.push(run);
        for (const { tier, below } of promotions(keep)) {
            const taken = promoted(tier, store[tier], store[below]);
            store[tier].push(...(taken === undefined ? [] : [taken]));
        }
        for (const tier of tiers) {
            const gone = pruned(store[tier], keep[tier]);
            store[tier] = store[tier].filter((one) => !gone.includes(one));
        }
    }
    return store;
}

describe("retention", () => {
    it("after weeks of hourly runs has filled every tier that it can, each with what is far enough apart", () => {
        const runs = Array.from({ length: 70 * 24 }, (_, at) => kept(at * hour + (at % 7) * 20_000));
        const store = stored(runs, { hourly: 24, daily: 7, weekly: 4, monthly: 12 });
        const counts = tiers.map((tier) => store[tier].length);
        expect(counts).toEqual([24, 7, 4, 2]);
        const days = store.daily.map(({ time }) => Math.round(time / day));
        expect(days).toEqual([63, 64, 65, 66, 67, 68, 69].map((at) => at - 1));
    });

    it("never holds more than its numbers, and never two of a tier closer than a day, week or month", () => {
        fc.assert(
            fc.property(schedule, numbers, (runs, keep) => {
                const store = stored(runs, keep);
                for (const [tier, least] of [
                    ["daily", day],
                    ["weekly", 7 * day],
                    ["monthly", 30 * day],
                ] as const) {
                    expect(store[tier].length).toBeLessThanOrEqual(keep[tier]);
                    const times = store[tier].map(({ time }) => time).sort((a, b) => a - b);
                    times.forEach((time, at) => {
                        expect(time - (times[at - 1] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThan(least - hour);
                    });
                }
                expect(store.hourly).toEqual(runs.slice(-keep.hourly));
            }),
            { numRuns: 50 },
        );
    });

    const mixed = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 1e6 }), fc.boolean()), {
        selector: ([at]) => at,
    });

    it("removes the oldest alone, and never the last good one", () => {
        fc.assert(
            fc.property(mixed, fc.nat(30), (found, keep) => {
                const tier = found.map(([at, good]) => kept(at * hour, good));
                const gone = pruned(tier, keep);
                const rest = tier.filter((one) => !gone.includes(one));
                expect(rest.some(({ good }) => good)).toBe(tier.some(({ good }) => good));
                const spared = rest.filter(({ time }) => gone.some((other) => other.time > time));
                expect(spared.length).toBeLessThanOrEqual(1);
                expect(rest.length).toBeLessThanOrEqual(Math.max(keep, 0) + 1);
                if (rest.length > keep) {
                    expect(rest.filter(({ good }) => good)).toHaveLength(1);
                }
                expect(rest.length).toBeGreaterThanOrEqual(Math.min(keep, tier.length));
            }),
        );
    });

    it("takes over the oldest good one, once, and nothing that is not", () => {
        fc.assert(
            fc.property(mixed, mixed, (own, below) => {
                const [tier, source] = [own, below].map((all) => all.map(([at, good]) => kept(at * hour, good)));
                const taken = promoted("weekly", tier ?? [], source ?? []);
                if (taken !== undefined) {
                    expect(source?.filter(({ good, time }) => good && time < taken.time)).toEqual([]);
                    expect(taken.good).toBe(true);
                    expect(promoted("weekly", [...(tier ?? []), taken], source ?? [])).toBeUndefined();
                }
            }),
        );
    });

    it("takes a day that is some minutes short for a day, and an hour less for none", () => {
        const first = kept(0);
        const next = (short: number) => promoted("daily", [first], [kept(day - short)]);
        expect(next(10 * 60_000)).toBeDefined();
        expect(next(hour)).toBeUndefined();
    });

    it("goes past tiers that are not used", () => {
        expect(promotions({ hourly: 24, daily: 0, weekly: 4, monthly: 1 })).toEqual([
            { tier: "weekly", below: "hourly" },
            { tier: "monthly", below: "weekly" },
        ]);
        expect(promotions({ hourly: 2, daily: 0, weekly: 0, monthly: 0 })).toEqual([]);
    });
});

describe("the catalogue", () => {
    const database = {
        ...{ encoding: "UTF8", collation: "C", bytes: 100, extensions: {}, schema: "f".repeat(64), sequences: {} },
        largeObjects: { count: 0, sha256: "f".repeat(64) },
        tables: {
            "public.a": { rows: 3, bytes: 9, sha256: "a".repeat(64) },
            "public.b": { rows: 4, bytes: 40, sha256: "b".repeat(64) },
        },
    };
    const one = (tier: Tier, stamp: string, subject: string, good = true): Published => {
        const stem = `backup-${stamp}-${subject}`;
        const content: Manifest = {
            ...{ version: 1, backup: stem, stamp, subject, dump: "database", format: "directory" },
            ...{ begun: stamp, ended: stamp, client: "15.20", server: { version: "15.20", systemIdentifier: "7" } },
            files: {
                "toc.dat": { bytes: 10, sha256: "c".repeat(64) },
                "1.dat.gz": { bytes: 5, sha256: "d".repeat(64) },
            },
            databases: { [subject]: database, other: database },
        };
        const manifest = { content, sha256: "e".repeat(64) };
        return { tier, stamp, stem, time: Date.parse(stamp), good, manifest };
    };

    it("lists what is good, the newest first, with the sums of each", () => {
        const text = catalogueOf([
            one("daily", "2026-11-20T02:04:01Z", "shop"),
            one("hourly", "2026-11-20T02:04:01Z", "shop"),
            one("hourly", "2026-11-20T03:04:01Z", "shop"),
            one("hourly", "2026-11-20T03:04:01Z", "audit"),
            one("hourly", "2026-11-20T04:04:01Z", "shop", false),
            { ...one("hourly", "2026-11-20T05:04:01Z", "shop"), manifest: undefined },
        ]);
        const lines = text
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line));
        expect(lines.map(({ tier, stamp, subject }) => `${tier} ${stamp.slice(11, 13)} ${subject}`)).toEqual([
            "hourly 03 audit",
            "hourly 03 shop",
            "hourly 02 shop",
            "daily 02 shop",
        ]);
        expect(lines[0]).toMatchObject({ bytes: 15, databaseBytes: 200, rows: 14, manifest: "e".repeat(64) });
        expect(text.endsWith("}\n")).toBe(true);
    });

    /** A backup of one database with so many tables, the last of which are the largest. */
    const large = (subject: string, tables: number): Published => {
        const found = one("hourly", "2026-11-20T02:04:01Z", subject);
        const content = found.manifest?.content as Manifest;
        const table = (at: number) => [`public.t${at}`, { rows: at, bytes: 10 * at, sha256: "a".repeat(64) }];
        const held = { ...database, tables: Object.fromEntries(Array.from({ length: tables }, (_, at) => table(at))) };
        return { ...found, manifest: { content: { ...content, databases: { [subject]: held } }, sha256: "" } };
    };
    const contents = (published: Published[], room = 100_000) =>
        entriesIn("contents.jsonl", contentsOf(published, room), contentsEntry);

    it("is told with the contents of each subject's newest good backup", () => {
        const found = contents([
            one("hourly", "2026-11-20T03:04:01Z", "shop"),
            one("hourly", "2026-11-20T02:04:01Z", "shop"),
            one("hourly", "2026-11-20T04:04:01Z", "shop", false),
            one("hourly", "2026-11-20T02:04:01Z", "audit"),
        ]);
        expect(
            found.map(({ stamp, subject, database }) => `${stamp.slice(11, 13)} ${subject} ${database}`).sort(),
        ).toEqual(["02 audit audit", "02 audit other", "03 shop other", "03 shop shop"]);
        const { bytes, extensions, tables } = database;
        expect(found[0]).toMatchObject({ bytes, extensions, tables });
        expect(found[0]).not.toHaveProperty("rest");
    });

    it("tells the largest tables and adds up the others where there is not room for all", () => {
        fc.assert(
            fc.property(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 6000 }), (count, room) => {
                const text = contentsOf([large("shop", count)], room);
                expect(Buffer.byteLength(text)).toBeLessThanOrEqual(room);
                for (const { tables, rest } of entriesIn("contents.jsonl", text, contentsEntry)) {
                    const told = Object.keys(tables).map((name) => Number(name.slice("public.t".length)));
                    const others = Array.from({ length: count - told.length }, (_, at) => at);
                    expect(told.sort((a, b) => a - b)).toEqual(told.map((_, at) => others.length + at));
                    const rows = others.reduce((sum, at) => sum + at, 0);
                    expect(rest).toEqual(
                        others.length === 0 ? undefined : { tables: others.length, rows, bytes: 10 * rows },
                    );
                }
            }),
        );
    });

    it("leaves a large database the room that small ones do not need", () => {
        const [alone] = contents([large("shop", 500)], 20_000);
        const beside = contents([large("shop", 500), large("a", 1), large("b", 1)], 20_000);
        expect(beside.map(({ database }) => database)).toEqual(["a", "b", "shop"]);
        const told = (tables: object = {}) => Object.keys(tables).length;
        expect(told(beside[2]?.tables)).toBeGreaterThan(0.9 * told(alone?.tables));
    });

    it("never tells the cluster more than a ConfigMap may hold", () => {
        const many = Array.from({ length: 2000 }, (_, at) => one("hourly", new Date(at * hour).toISOString(), "shop"));
        const told = Object.values(toldToCluster([...many, large("audit", 5000)])).map((text) =>
            Buffer.byteLength(text),
        );
        expect(told.every((bytes) => bytes > roomInCluster / 3)).toBe(true);
        expect(told.reduce((sum, bytes) => sum + bytes)).toBeLessThanOrEqual(roomInCluster);
    });

    it("is cut at its old end, between two lines, where there is not room for all of it", () => {
        fc.assert(
            fc.property(
                fc.array(fc.string({ minLength: 1, unit: "grapheme" }).map(JSON.stringify)),
                fc.nat(200),
                (lines, bytes) => {
                    const text = lines.map((line) => `${line}\n`).join("");
                    const cut = wholeLines(text, bytes);
                    const count = cut.split("\n").length - 1;
                    expect(cut).toBe(
                        lines
                            .slice(0, count)
                            .map((line) => `${line}\n`)
                            .join(""),
                    );
                    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytes);
                    const more = lines
                        .slice(0, count + 1)
                        .map((line) => `${line}\n`)
                        .join("");
                    expect(count === lines.length || Buffer.byteLength(more) > bytes).toBe(true);
                },
            ),
        );
    });
});
