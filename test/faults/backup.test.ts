import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Plan } from "../../contract";
import type { DumpedDatabase, Manifest } from "../../contract/manifest";
import { databaseReport } from "../../contract/report";
import { due } from "../due";
import { copied, copiedLargeObjects, sha256 } from "../postgres/copied";
import { endings, type FormatName, packing } from "../postgres/formats";
import { manifestOf } from "../postgres/manifest";
import { stampBefore } from "../postgres/replica";
import { sweep } from "../sweep";
import { oneOf, whole } from "./seed";
import { type FaultStage, openFaultStage } from "./stage";

/** The backup is not what it should be: cut, changed, incomplete, another one, too old. */
let stage: FaultStage;
let make: ReturnType<typeof packing>;
let held: Pick<DumpedDatabase, "tables" | "largeObjects" | "sequences">;
beforeAll(async () => {
    stage = await openFaultStage();
    make = packing(stage.production, stage.backup);
    const [row] = await stage.replica.server.query("postgres", "select report from understudy.generation");
    const { tables: restored } = databaseReport.parse(row?.report);
    const described = Object.entries(restored).map(async ([table, { rows }]) => {
        const text = await copied(stage.production, "shop", table);
        return [table, { rows, bytes: text.length, sha256: sha256(text) }] as const;
    });
    held = {
        tables: Object.fromEntries(await Promise.all(described)),
        largeObjects: await copiedLargeObjects(stage.production, "shop"),
        sequences: { "public.counter": { value: "10", called: true } },
    };
});
afterAll(() => stage?.stop());

const formats = Object.keys(endings).filter((name) => name !== "custom as it comes out of a pipe") as FormatName[];
const damaged = /is damaged|truncated|ends |broken off|cannot be loaded|not an archive|not a dump|does not say which/;

/** Puts a sound backup into the store. */
async function put(name: FormatName, hourly: string, stamp: string): Promise<string> {
    const path = join(hourly, `backup-${stamp}-shop${endings[name]}`);
    await make[name](path);
    return path;
}

/** The blank lines after the last row of a table's own file: nobody misses them. */
const blank = 3;

/** The backup's file, or one of a folder's. Nothing tells where the data of a large object ends, but compression. */
function fileOf(path: string, format: FormatName, fault: string): string {
    if (statSync(path).isFile()) {
        return path;
    }
    const paths = readdirSync(path)
        .filter((name) => !/^blob_\d+\.dat$/.test(name))
        .map((name) => join(path, name));
    return oneOf(
        paths.filter((one) => statSync(one).size > blank + 1),
        fault,
        format,
    );
}

function describedIn(
    hourly: string,
    stamp: string,
    path: string,
    change: (manifest: Manifest) => unknown = () => undefined,
) {
    const manifest = manifestOf({ stamp, path }, structuredClone(held));
    const text = change(manifest) ?? JSON.stringify(manifest);
    writeFileSync(join(hourly, `backup-${stamp}-shop.json`), String(text));
}

function flip(file: string, at: number): void {
    const bytes = readFileSync(file);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    writeFileSync(file, bytes);
}

test("a sound backup with its manifest is restored: what follows is about the faults", async () => {
    const store = join(stage.replica.folder, "sound");
    const stamp = stampBefore(300);
    mkdirSync(join(store, "hourly"), { recursive: true });
    describedIn(join(store, "hourly"), stamp, await put("directory", join(store, "hourly"), stamp));
    await stage.converged(
        stage.next(({ database }) => {
            database.backups = store;
        }),
    );
});

describe.each(due(formats))("%s", (name) => {
    test("cut", () =>
        stage.offered({
            fault: "1 the backup is cut",
            step: name,
            async put(hourly, stamp) {
                const file = fileOf(await put(name, hourly, stamp), name, "cut");
                truncateSync(file, whole(1, statSync(file).size - blank, "cut", name));
            },
            status: expect.toSatisfy((status) => status === 1 || status === 3),
            says: damaged,
        }));

    test("with a flipped bit anywhere, which its manifest tells", () =>
        stage.offered({
            fault: "2 a bit is flipped",
            step: name,
            async put(hourly, stamp) {
                const path = await put(name, hourly, stamp);
                describedIn(hourly, stamp, path);
                const file = fileOf(path, name, "flip");
                flip(file, whole(0, statSync(file).size, "flip", name));
            },
            status: expect.toSatisfy((status) => status === 1 || status === 3),
            says: /is not what production wrote|is damaged|truncated|ends |holds |cannot be loaded|not an archive|not a dump/,
        }));
});

sweep(["plain with gzip", "custom", "directory"] as const)("%s, empty", (name) =>
    stage.offered({
        fault: "the backup is empty",
        step: name,
        async put(hourly, stamp) {
            const path = await put(name, hourly, stamp);
            truncateSync(name === "directory" ? join(path, "toc.dat") : path, 0);
        },
        status: 3,
        says: /is empty/,
    }),
);

describe("a folder", () => {
    sweep(["toc.dat", "blobs.toc", "a table's file", "a large object's file"])("without %s", (missing) =>
        stage.offered({
            fault: "1 a file is missing",
            step: `directory: ${missing}`,
            async put(hourly, stamp) {
                const path = await put("directory", hourly, stamp);
                rmSync(join(path, memberOf(path, missing)));
            },
            status: missing === "toc.dat" ? 3 : 1,
            says: /nor a folder that pg_dump has made|is damaged \(pg_restore says: could not open/,
        }),
    );

    test("without compression, of which the rows of a table with text are cut between lines", () =>
        stage.offered({
            fault: "1 a list is cut between lines",
            step: "directory: rows of text",
            async put(hourly, stamp) {
                const path = await put("directory without compression", hourly, stamp);
                const holds = (name: string) => readFileSync(join(path, name), "latin1").startsWith("\n\\N\n");
                const file = readdirSync(path).find((name) => /^\d+\.dat$/.test(name) && holds(name));
                // Whatever comes next could be rows of it.
                truncateSync(join(path, String(file)), "\n\\N\n".length);
            },
            status: 1,
            says: /ends in the middle of a table's rows/,
        }));

    test("whose list of large objects is a line short", () =>
        stage.offered({
            fault: "1 a list is cut between lines",
            step: "directory: blobs.toc",
            async put(hourly, stamp) {
                const file = join(await put("directory", hourly, stamp), "blobs.toc");
                const [first] = readFileSync(file, "utf8").split("\n");
                writeFileSync(file, `${first}\n`);
            },
            status: 1,
            says: /large object/,
        }));
});

function memberOf(folder: string, name: string): string {
    const pattern = name === "a table's file" ? /^\d+\.dat/ : /^blob_\d+\.dat/;
    return name.endsWith(".toc") || name === "toc.dat"
        ? name
        : oneOf(
              readdirSync(folder).filter((one) => pattern.test(one)),
              name,
          );
}

sweep<[string, () => Buffer, RegExp]>([
    ["text of another database's dump", () => Buffer.from("-- MySQL dump 10.13\n"), /is not a dump of PostgreSQL/],
    ["a page of HTML", () => gzipSync("<html>Not found</html>"), /is not a dump of PostgreSQL/],
    ["zeros", () => Buffer.alloc(100_000), /is not a dump of PostgreSQL/],
    ["an archive's first bytes", () => Buffer.from("PGDMP\x01\x0e"), /is not an archive of pg_dump/],
    [
        "a whole server's dump",
        () => gzipSync("--\n-- PostgreSQL database cluster dump\n--\n"),
        /a dump of a whole server \(pg_dumpall\) under the name of a single database/,
    ],
])("%s in the place of a dump", (what, bytes, says) =>
    stage.offered({
        fault: "the format is another",
        step: what,
        put: (hourly, stamp) => writeFileSync(join(hourly, `backup-${stamp}-shop.sql.gz`), bytes()),
        status: 3,
        says,
    }),
);

sweep<[string, string, (plan: Plan) => void, RegExp]>([
    [
        "a single database's dump for a whole server's",
        "dumpall",
        ({ database }) => {
            database.dump = "server";
        },
        /is a dump of (a|one) single database \(pg_dump\) under the name of a whole server/,
    ],
    ["others' backups alone", "billing", () => undefined, /holds no backup of database shop, only of billing/],
    [
        "only one of two databases",
        "shop",
        ({ database }) => {
            database.databases = [...database.databases, { name: "audit", owner: "shop" }];
        },
        /holds no backup of database audit, only of shop/,
    ],
])("%s", (what, subject, change, says) =>
    stage.offered({
        fault: "the scope is another",
        step: what,
        put: (hourly, stamp) => writeFileSync(join(hourly, `backup-${stamp}-${subject}.sql.gz`), stage.backup),
        status: 3,
        says,
        change,
    }),
);

describe("by its stamp", () => {
    const beside = (hourly: string, stamp: string) =>
        writeFileSync(join(hourly, `backup-${stamp}-shop.sql.gz`), stage.backup);

    sweep<[string, number, RegExp]>([
        ["stale", 90_000, /is 1 d 1 h old, and the limit is 1 d|is 25 h .*old, and the limit is/],
        ["of the future", -3600, /is dated .* in the future/],
    ])("%s, though a good one stands beside it", (what, seconds, says) =>
        stage.offered({
            fault: "9 another time",
            step: what,
            put(hourly, stamp) {
                beside(hourly, stamp);
                beside(hourly, stampBefore(seconds));
            },
            status: 3,
            says,
            change({ database }) {
                database.backup = stampBefore(seconds);
            },
        }),
    );

    test("the latest, of a clock that is ahead, is not passed over for the one before", () =>
        stage.offered({
            fault: "9 a clock is ahead",
            step: "latest",
            put(hourly, stamp) {
                beside(hourly, stamp);
                beside(hourly, stampBefore(-3600));
            },
            status: 3,
            says: /is dated .* in the future/,
            change({ database }) {
                database.backup = "latest";
            },
        }));

    sweep(["2026-02-30T25:00:00Z", "latest ", "../hourly", stampBefore(301)])(
        "asked for %j, and never another",
        (asked) =>
            stage.offered({
                fault: "9 the backup is not there",
                step: `asked for ${JSON.stringify(asked)}`,
                put: beside,
                status: 3,
                says: /There is no backup of database shop with stamp .* the newest are/,
                change({ database }) {
                    database.backup = asked;
                },
            }),
    );

    test("that the catalogue names, and whose file is not there", () =>
        stage.offered({
            fault: "9 the backup is not there",
            step: "the catalogue names it",
            put(hourly, stamp) {
                beside(hourly, stamp);
                const entry = {
                    tier: "hourly",
                    backup: `backup-${stampBefore(900)}-shop.sql.gz`,
                    stamp: stampBefore(900),
                };
                writeFileSync(join(hourly, "../catalogue.jsonl"), `${JSON.stringify(entry)}\n`);
            },
            status: 3,
            says: /There is no backup of database shop with stamp/,
            change({ database }) {
                database.backup = stampBefore(900);
            },
        }));
});

sweep<[string, (manifest: Manifest) => unknown, RegExp]>([
    ["torn", (manifest) => JSON.stringify(manifest).slice(0, whole(1, 500, "torn")), /\.json is torn: it is not JSON/],
    ["empty", () => "", /\.json is torn: it is not JSON/],
    ["of another version", (manifest) => Object.assign(manifest, { version: 2 }) && undefined, /is of version 2/],
    [
        "of another backup",
        (manifest) => Object.assign(manifest, { stamp: stampBefore(9000) }) && undefined,
        /it says stamp/,
    ],
    [
        "that names a file which is not there",
        ({ files }) => {
            files["3456.dat.gz"] = { bytes: 1, sha256: "0".repeat(64) };
        },
        /3456\.dat\.gz is not there/,
    ],
])("a manifest %s", (what, change, says) =>
    stage.offered({
        fault: "the manifest is wrong",
        step: what,
        async put(hourly, stamp) {
            describedIn(hourly, stamp, await put("directory", hourly, stamp), change);
        },
        status: 3,
        says,
    }),
);

test("a manifest without its backup", () =>
    stage.offered({
        fault: "the backup is not there",
        step: "its manifest is",
        async put(hourly, stamp) {
            const path = await put("directory", hourly, stamp);
            describedIn(hourly, stamp, path);
            cpSync(path, join(hourly, `backup-${stampBefore(900)}-shop`), { recursive: true });
            rmSync(path, { recursive: true });
        },
        status: 3,
        says: /There is no backup of database shop with stamp/,
    }));
