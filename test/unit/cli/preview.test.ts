import { describe, expect, it } from "vitest";
import { describePreview } from "../../../cli/preview";
import { generationsOf } from "../../../components/generations";
import type { ContentsEntry } from "../../../contract/contents";
import { previewRows } from "../../../preview";
import type { Sighting } from "../../../sighting";
import { table } from "../../../table";
import { entry } from "../../entry";
import { live, now, settings } from "./seen";

const asked = generationsOf(settings);
const before = { database: "00000000aa", media: "00000000bb" };
const lines = (sighting: Sighting | undefined, of = settings) => table(previewRows(of, sighting, now)).split("\n");

describe("a preview", () => {
    it("says what is refreshed, and what becomes of what is there", () => {
        expect(lines({ live: before, application: { image: "shop:0.9", generations: before } })).toEqual([
            "database   is refreshed from backup 2026-11-20T02:04:01Z",
            `           generation ${asked.database} in place of 00000000aa, at once if it is still there; 1 former copy is kept`,
            "backup     2026-11-20T02:04:01Z (3 h old), in no catalogue of production's: the restore finds out what it holds",
            "media      is copied from production",
            `           generation ${asked.media} in place of 00000000bb, at once if it is still there; 1 former copy is kept`,
            "image tag  1.0 takes the place of 0.9",
            "fences     compared with production's: nothing; not known: namespace: source.namespace is not written; " +
                "stores' volumes: this user may not list volumes; server: source.systemIdentifier is not written",
            "a wipe     would keep 1 volume: media",
        ]);
    });

    it("ends with what the engine would do", () => {
        const changes = { create: 2, replace: 5, same: 20, "delete-replaced": 5 };
        expect(describePreview([["image tag", "1.0"]], changes)).toBe(
            "image tag  1.0\nobjects    2 made, 5 made anew, 20 unchanged",
        );
        expect(describePreview([], {})).toBe("objects    none");
    });

    it("of a database that stays tells how old it is, and which backup is newer", () => {
        const stays = (stamp: string) => lines({ live: asked, report: live, catalogue: [entry(stamp)] });
        expect(stays("2026-11-20T04:04:01Z").slice(1, 3)).toEqual([
            "loaded     backup 2026-11-20T02:04:01Z (3 h old)",
            "newer      backup 2026-11-20T04:04:01Z (1 h old)",
        ]);
        expect(stays("2026-11-20T02:04:01Z")[2]).toMatch(/^media/);
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

    it("says nothing of a backup where a copy is kept that needs none, and that one is made where none is kept", () => {
        const sighting = { live: before, report: live, catalogue: [entry("2026-11-20T02:04:01Z")] };
        const [, database, backup] = lines(sighting);
        expect(database).toMatch(/in place of 00000000aa; 1 former copy is kept$/);
        expect(backup).toMatch(/^backup/);
        const kept = lines({ ...sighting, report: { ...live, kept: [asked.database] } });
        expect(kept[1]).toMatch(/at once if it is still there/);
        expect(kept[2]).toMatch(/^media/);
    });
});

describe("a preview of a refresh", () => {
    const stamp = settings.database.backup;
    const sha256 = (letter: string) => letter.repeat(64);
    /** What the newest backup holds of the application's database, and what is loaded of it. */
    const contents = (tables: ContentsEntry["tables"], more: Partial<ContentsEntry> = {}): ContentsEntry => ({
        ...{ stamp, subject: "shop", database: "shop", bytes: 16_384, extensions: { plpgsql: "1.0" }, tables },
        ...more,
    });
    const loaded = live.database.report as NonNullable<typeof live.database.report>;
    const report = (change: Partial<typeof loaded>): typeof live => ({
        ...live,
        database: { ...live.database, report: { ...loaded, ...change } },
    });
    const sighting: Sighting = { live: before, report: live, catalogue: [entry(stamp)], claims: {} };
    /** The texts under a name. */
    const under = (name: string, seen: Sighting, of = settings) => {
        const rows = previewRows(of, seen, now);
        const at = rows.findIndex(([one]) => one === name);
        const end = rows.findIndex(([one], index) => index > at && one !== "");
        return at < 0 ? [] : rows.slice(at, end).map(([, text]) => text);
    };
    const tables = (next: ContentsEntry, change: Partial<typeof loaded> = {}) =>
        under("tables", { ...sighting, report: report(change), contents: [next] });

    it("tells of the backup, of its size beside what is loaded, and of time and room", () => {
        const next = contents({ "public.item": { rows: 1250, bytes: 15_000, sha256: sha256("a") } });
        expect(lines({ ...sighting, contents: [next] }).slice(2, 9)).toEqual([
            "backup     2026-11-20T02:04:01Z (3 h old), stored in 1.0 KiB, of PostgreSQL 15.20, made under tag 1.0",
            "proof      a manifest: SHA-256 of its files, of the rows of each table and of the large objects; positions of its sequences",
            "holds      1,250 rows, 16.0 KiB",
            "loaded     1,200 rows, 8.0 KiB, from backup 2026-11-20T02:04:01Z (3 h old)",
            "takes      about 6.5 s; the last took 3.3 s for 8.0 KiB, and the database was away for 8 ms",
            "room       about 16.0 KiB more on the volume of 2Gi, which had 4.0 KiB left after the last switch",
            "tables     public.item   50 rows more, 600 bytes more",
        ]);
    });

    it("tells of the first one what can be known", () => {
        const { live: _, report: __, ...first } = sighting;
        expect(
            lines(first)
                .slice(1, 5)
                .map((line) => line.split(" ")[0]),
        ).toEqual(["backup", "proof", "holds", "room"]);
        expect(under("holds", first)).toEqual(["1,250 rows, 4.0 KiB"]);
    });

    it("estimates nothing from a clone, nor without a size", () => {
        const next = contents({});
        const cloned = report({ base: "00000000cc" });
        expect(under("takes", { ...sighting, report: cloned, contents: [next] })[0]).toMatch(
            /^the last took 3\.3 s for 8\.0 KiB, as a clone, and/,
        );
        expect(under("takes", { ...sighting, catalogue: [] })[0]).toMatch(/^the last took 3\.3 s for 8\.0 KiB, and/);
    });

    it("counts a base among the room that is needed, and names the server that is brought", () => {
        const database = { ...settings.database, keepBase: true };
        expect(under("room", sighting, { ...settings, database })).toEqual([
            "about 8.0 KiB, a base included, more on the volume of 2Gi, which had 4.0 KiB left after the last switch",
        ]);
        const server = { host: "db", port: 5433, user: "postgres", passwordSecret: "admin" };
        const brought = { ...settings, database: { ...settings.database, volume: undefined, server } };
        expect(under("room", sighting, brought)).toEqual(["about 4.0 KiB more on db:5433"]);
    });

    it("names the tables that change, the largest change first, those that are new or go among them", () => {
        const next = contents({
            "public.few": { rows: 9, bytes: 90, sha256: sha256("a") },
            "public.shrunk": { rows: 1, bytes: 1000, sha256: sha256("b") },
            "public.made": { rows: 2, bytes: 2048, sha256: sha256("c") },
            "public.edited": { rows: 5, bytes: 50, sha256: sha256("d") },
            "public.same": { rows: 7, bytes: 70, sha256: sha256("e") },
            "public.alike": { rows: 3, bytes: 30, sha256: sha256("f") },
        });
        const change = {
            tables: {
                "public.few": { rows: 8, bytes: 80 },
                "public.shrunk": { rows: 3, bytes: 6000, sha256: sha256("0") },
                "public.gone": { rows: 1, bytes: 1024 },
                "public.edited": { rows: 5, bytes: 50, sha256: sha256("1") },
                "public.same": { rows: 7, bytes: 70, sha256: sha256("e") },
                "public.alike": { rows: 3, bytes: 30 },
            },
        };
        expect(tables(next, change)).toEqual([
            "public.shrunk  2 rows less, 4.9 KiB less",
            "public.made    new: 2 rows, 2.0 KiB",
            "public.gone    goes: 1 row, 1.0 KiB",
            "public.few     1 row more, 10 bytes more",
            "public.edited  other data, as many rows and bytes",
            "1 table with the same data; 1 table with as many rows and bytes",
        ]);
    });

    it("names ten tables at most, and counts the others", () => {
        const all = Array.from({ length: 13 }, (_, at) => [
            `public.t${at}`,
            { rows: at, bytes: 10 * at, sha256: sha256("a") },
        ]);
        const text = tables(contents(Object.fromEntries(all)), { tables: {} });
        expect(text).toHaveLength(11);
        expect(text[0]).toBe("public.t12  new: 12 rows, 120 bytes");
        expect(text[10]).toBe("3 more tables differ");
    });

    it("adds up what production's side could not tell one by one, and takes none of these for gone", () => {
        const next = contents(
            { "public.item": { rows: 1200, bytes: 14_400, sha256: sha256("a") } },
            { rest: { tables: 3, rows: 12, bytes: 40 } },
        );
        const change = { tables: { ...loaded.tables, "public.small": { rows: 2, bytes: 50 } } };
        expect(tables(next, change)).toEqual([
            "3 smaller tables together: 10 rows more, 10 bytes less",
            "1 table with as many rows and bytes",
        ]);
        expect(under("holds", { ...sighting, contents: [next] })).toEqual(["1,212 rows, 16.0 KiB"]);
    });

    it("says that only the newest backup is told of by table", () => {
        const newer = "2026-11-20T04:04:01Z";
        const seen = {
            ...sighting,
            catalogue: [entry(stamp), entry(newer)],
            contents: [contents({}, { stamp: newer })],
        };
        expect(under("tables", seen)).toEqual([`are told of the newest backup alone, ${newer}`]);
        expect(under("holds", seen)).toEqual(["1,250 rows, 4.0 KiB"]);
    });

    it("tells the newest migration of both, and extensions that differ", () => {
        const seen = (next: Partial<ContentsEntry>, change: Partial<typeof loaded>) => {
            return { ...sighting, report: report(change), contents: [contents({}, next)] };
        };
        const migrations = (next?: string, was?: string) =>
            under(
                "migrations",
                seen({ ...(next && { migrations: next }) }, { ...(was === undefined ? {} : { migrations: was }) }),
            );
        expect(migrations("0002_more", "0002_more")).toEqual(["0002_more, as loaded"]);
        expect(migrations("0002_more", "0001_initial")).toEqual([
            "production's newest is 0002_more, loaded is 0001_initial",
        ]);
        expect(migrations("0002_more")).toEqual(["production's newest is 0002_more, loaded is not known"]);
        expect(migrations()).toEqual([]);
        const extensions = { plpgsql: "1.0", hstore: "1.8", postgis: "3.4" };
        const loadedOnes = { plpgsql: "1.0", pg_trgm: "1.6", postgis: "3.3" };
        expect(under("extensions", seen({ extensions }, { extensions: loadedOnes }))).toEqual([
            "hstore 1.8 is new; pg_trgm 1.6 goes; postgis 3.4 in production, 3.3 loaded",
        ]);
        expect(under("extensions", seen({ extensions }, { extensions }))).toEqual([]);
    });

    it("tells the databases apart where there are several", () => {
        const others = [{ name: "audit", owner: "auditor" }];
        const of = { ...settings, database: { ...settings.database, others } };
        const table = { rows: 5, bytes: 50, sha256: sha256("a") };
        const seen: Sighting = {
            ...sighting,
            report: { ...live, database: { ...live.database, others: [{ name: "audit", report: loaded }] } },
            catalogue: [entry(stamp), entry(stamp, "audit")],
            contents: [
                contents({ ...loaded.tables, "public.n": table } as ContentsEntry["tables"]),
                contents({ "public.m": table }, { subject: "audit", database: "audit", bytes: 1000 }),
            ],
        };
        expect(under("tables", seen, of).slice(0, 3)).toEqual([
            "audit: public.item   goes: 1,200 rows, 14.1 KiB",
            "shop: public.n       new: 5 rows, 50 bytes",
            "audit: public.m      new: 5 rows, 50 bytes",
        ]);
        expect(under("loaded", seen, of)[0]).toMatch(/^2,400 rows, 16\.0 KiB/);
    });
});

describe("a preview of the media", () => {
    const edition = (published: string, brought: number, removed: number) => ({
        ...{ published, files: 900, bytes: 4096, brought, removed },
    });
    /** What is live, its media copied from what was published then. */
    const copied = (published: string): typeof live => ({
        ...live,
        media: { ...live.media, report: live.media.report && { ...live.media.report, published } },
    });
    const report = copied("2026-11-20T02:04:01.000Z");
    const editions = [
        edition("2026-11-20T04:04:01.000Z", 7, 2),
        edition("2026-11-20T03:04:01.000Z", 5, 1),
        edition("2026-11-20T02:04:01.000Z", 800, 0),
    ];
    const rowOf = (label: string, of: string[]) => of.filter((line) => line.startsWith(label)).join();

    it("tells what production has, and what came and went since the copy in use", () => {
        const text = lines({ live: before, report, editions });
        const at = text.findIndex((line) => line.startsWith("media"));
        expect(text.slice(at + 2, at + 4)).toEqual([
            "holds      900 files, 4.0 KiB, published 1 h ago",
            "since then 12 files came or changed, 3 have gone: at most 1 % of the copy's 800 files, and media.maximumDeletions is 20 %",
        ]);
    });

    it("tells that nothing has gone, without a share of it", () => {
        const [newest, ...others] = [edition("2026-11-20T04:04:01.000Z", 1, 0), ...editions.slice(1)];
        const since = lines({
            live: before,
            report: copied("2026-11-20T03:04:01.000Z"),
            editions: [newest, ...others],
        });
        expect(rowOf("since then", since)).toBe("since then 1 file came or changed, none has gone");
    });

    it("warns when more may have gone than may go", () => {
        const many = [edition("2026-11-20T04:04:01.000Z", 0, 189), ...editions];
        expect(rowOf("since then", lines({ live: before, report, editions: many }))).toMatch(
            /192 have gone: at most 24 % of the copy's 800 files, and media\.maximumDeletions is 20 %: it may be refused$/,
        );
        const all = [edition("2026-11-20T04:04:01.000Z", 0, 900), ...editions];
        expect(rowOf("since then", lines({ live: before, report, editions: all }))).toContain("at most 100 % of");
    });

    it("tells of what stays that there is something newer, and nothing if there is not", () => {
        expect(rowOf("newer", lines({ live: asked, report, editions }))).toBe(
            "newer      media published 1 h ago: 12 files came or changed, 3 have gone",
        );
        expect(rowOf("newer", lines({ live: asked, report, editions: editions.slice(2) }))).toBe("");
    });

    it.each([
        ["one of before anybody wrote it down", editions.slice(0, 1), report],
        ["one of something that was never published", editions, live],
    ])("tells no difference from a copy that nobody knows: %s", (_, known, seen) => {
        const text = lines({ live: before, report: seen, editions: known });
        expect(rowOf("holds", text)).toContain("900 files");
        expect(rowOf("since then", text)).toBe("");
        expect(rowOf("newer", lines({ live: asked, report: seen, editions: known }))).toBe("");
    });
});
