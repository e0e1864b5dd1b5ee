import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { type Manifest, manifestVersion } from "../../contract/manifest";
import { aside, dump, ids, type Replica, stampBefore, startProduction, startReplica } from "./replica";
import { binaries, type TestServer } from "./server";

/** A way to pack the same database, and how its name ends. */
interface Format {
    ending: string;
    /** Makes the file or folder. */
    make(path: string): Promise<void>;
}

let production: TestServer;
let replica: Replica;
let plain: Buffer;
/** What the plain dump, compressed with gzip, is restored to. */
let expected: { content: string; tables: unknown };

const formats: Record<string, Format> = {
    "plain without compression": { ending: ".sql", make: async (path) => writeFileSync(path, gunzipSync(plain)) },
    "plain with gzip": { ending: ".sql.gz", make: async (path) => writeFileSync(path, plain) },
    "plain with xz": { ending: ".sql.xz", make: async (path) => compressed("xz", path) },
    "plain with zstd": { ending: ".sql.zst", make: async (path) => compressed("zstd", path) },
    custom: { ending: ".dump", make: (path) => archive("custom", path) },
    "custom without compression": { ending: ".dump", make: (path) => archive("custom", path, "-Z0") },
    "custom as it comes out of a pipe": {
        ending: ".dump",
        make: async (path) => writeFileSync(path, await production.tool("pg_dump", ["--format=custom", "shop"])),
    },
    tar: { ending: ".tar", make: (path) => archive("tar", path) },
    directory: { ending: "", make: (path) => archive("directory", path) },
    "directory without compression": { ending: "", make: (path) => archive("directory", path, "-Z0") },
};

function compressed(program: string, path: string) {
    writeFileSync(path, execFileSync(program, ["-c"], { input: gunzipSync(plain), maxBuffer: 2 ** 30 }));
}

async function archive(format: string, path: string, ...options: string[]) {
    await production.tool("pg_dump", [`--format=${format}`, `--file=${path}`, ...options, "shop"]);
}

beforeAll(async () => {
    [production, replica] = await Promise.all([startProduction(), startReplica()]);
    plain = await dump(production);
    const { ending, id } = await restoring(await stored("plain with gzip"));
    expect(ending, ending.log).toMatchObject({ status: 0 });
    expected = await restored(id);
});
afterEach(async () => {
    const made = await replica.server.query(
        "postgres",
        `select datname as name from pg_database where datname ~ '^shop__' and datname <> '${aside(firstId)}'`,
    );
    for (const { name } of made) {
        await replica.server.query("postgres", `drop database "${name}"`);
        await replica.server.query("postgres", `drop role "${name}"`);
    }
    await replica.server.query("postgres", `delete from understudy.generation where id <> '${firstId}'`);
    for (const name of readdirSync(hourly())) {
        rmSync(join(hourly(), name), { recursive: true });
    }
});
afterAll(async () => {
    await production?.stop();
    await replica?.stop();
});

/** The generation of the plain dump, which stays. */
const firstId = "f000000000";

const hourly = () => join(replica.folder, "store/hourly");
let seconds = 40_000;
let generations = 0;

/** Puts the database into the store, packed like this. Returns its stamp and where it is. */
async function stored(name: string): Promise<{ stamp: string; path: string }> {
    const format = formats[name] as Format;
    const stamp = stampBefore(seconds--);
    const path = join(hourly(), `backup-${stamp}-shop${format.ending}`);
    await format.make(path);
    return { stamp, path };
}

async function restoring({ stamp }: { stamp: string }, change: (plan: Plan) => void = () => {}, env = {}) {
    const id = (0xf000000000 + generations++).toString(16);
    const plan = replica.plan(id, ids[0], (plan) => {
        plan.database.backup = stamp;
        change(plan);
    });
    return { id, ending: await replica.run("prepare-database", plan, { env }) };
}

/** A restored database: its dump without the random key, its rows in an order of their own, and its report. */
async function restored(id: string) {
    const text = (await replica.server.tool("pg_dump", [aside(id)])).toString();
    const [row] = await replica.server.query("postgres", `select report from understudy.generation where id = '${id}'`);
    const report = row?.report as { tables: unknown; proof: string[]; unknown: string[]; sha256: string };
    return { ...report, content: text.replaceAll(/^\\(un)?restrict .*$/gm, "") };
}

/** The run fails or refuses with this reason, and nothing on the server tells that it ever ran. */
async function expectNothing(backup: { stamp: string }, reason: RegExp | string, env = {}) {
    const before = await replica.server.content();
    const { ending } = await restoring(backup, undefined, env);
    expect(ending.sentence).toMatch(reason);
    expect(ending.status, ending.log).not.toBe(0);
    expect(await replica.server.content()).toBe(before);
    return ending;
}

describe.each(Object.keys(formats))("%s", (name) => {
    test.each([1, 3])("is restored to the same database over %i connections", async (jobs) => {
        const { ending, id } = await restoring(await stored(name), ({ database }) => {
            database.jobs = jobs;
        });
        expect(ending, ending.log).toMatchObject({
            status: 0,
            sentence: expect.stringContaining("restored and proven"),
        });
        const { content, tables } = await restored(id);
        expect(content).toBe(expected.content);
        expect(tables).toEqual(expected.tables);
    });
});

test.each([
    ["plain without compression", /ends (in the middle of|without the line)/],
    ["plain with xz", /xz says: Unexpected end of input/],
    ["plain with zstd", /zstd says: .*premature end/],
    ["custom", /pg_restore says: could not read from input file: end of file/],
    ["custom without compression", /pg_restore says: could not read from input file: end of file/],
    ["tar", /ends in the middle: the tar file was cut/],
])("%s, cut short, is never restored", async (name, reason) => {
    for (const share of [0.6, 0.95]) {
        const backup = await stored(name);
        const bytes = readFileSync(backup.path);
        writeFileSync(backup.path, bytes.subarray(0, Math.floor(bytes.length * share)));
        await expectNothing(backup, reason);
    }
});

test.each([
    ["plain with xz", /xz says: |PostgreSQL says: |holds |ends /],
    ["plain with zstd", /zstd says: |PostgreSQL says: |holds |ends /],
    ["custom", /pg_restore says: |PostgreSQL says: |holds |ends /],
])("%s, with a flipped bit in its rows, is never restored", async (name, reason) => {
    const backup = await stored(name);
    flip(backup.path, 0.8);
    await expectNothing(backup, reason);
});

describe("a directory", () => {
    const largest = (path: string) => {
        const files = readdirSync(path).filter((file) => file !== "toc.dat");
        const sized = files.map((file) => ({ file, size: readFileSync(join(path, file)).length }));
        return join(path, sized.toSorted((a, b) => b.size - a.size)[0]?.file ?? "");
    };
    test.each<[string, (file: string) => void, RegExp]>([
        ["a file missing", (file) => rmSync(file), /pg_restore says: could not open input file/],
        [
            "a file cut short",
            (file) => writeFileSync(file, readFileSync(file).subarray(0, -20)),
            /pg_restore says: |ends in the middle/,
        ],
        [
            "a flipped bit in a file",
            (file) => flip(file, 0.5),
            /pg_restore says: |PostgreSQL says: |ends in the middle/,
        ],
    ])("with %s is never restored", async (_, damage, reason) => {
        const backup = await stored("directory");
        damage(largest(backup.path));
        await expectNothing(backup, reason);
    });

    test("without its table of contents is refused", async () => {
        const backup = await stored("directory");
        rmSync(join(backup.path, "toc.dat"));
        await expectNothing(backup, /is not a file, nor a folder that pg_dump has made/);
    });
});

function flip(path: string, share: number) {
    const bytes = readFileSync(path);
    const at = Math.floor(bytes.length * share);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    writeFileSync(path, bytes);
}

test("two backups of the same stamp are refused, by their names", async () => {
    const { stamp, path } = await stored("custom");
    cpSync(path, join(hourly(), `backup-${stamp}-shop.tar`));
    await expectNothing({ stamp }, /more than once \(.*-shop.tar, .*-shop.dump|-shop.dump, .*-shop.tar/);
});

test("what the files hold counts, not what they are called", async () => {
    const { stamp, path } = await stored("custom");
    cpSync(path, join(hourly(), `backup-${stamp}-shop.sql.gz`));
    rmSync(path);
    expect((await restoring({ stamp })).ending).toMatchObject({ status: 0 });
});

test.each(["custom", "tar", "directory"])("%s of a newer server is refused with both versions", async (name) => {
    const backup = await stored(name);
    const file = name === "directory" ? join(backup.path, "toc.dat") : backup.path;
    const bytes = readFileSync(file);
    // The server's version comes first, then pg_dump's.
    const server = bytes.indexOf("\0" + "15.") + 1;
    const client = bytes.indexOf("\0" + "15.", server) + 1;
    bytes.write("18", server);
    writeFileSync(file, bytes);
    await expectNothing(backup, /is of PostgreSQL 18\.\d+, and the replica's server is 15\.\d+/);
    bytes.write("15", server);
    bytes.write("18", client);
    writeFileSync(file, bytes);
    await expectNothing(backup, /was made by pg_dump 18\.\d+, from PostgreSQL 15\.\d+, and pg_restore is 15\.\d+ here/);
});

describe("a hostile archive", () => {
    const canary = "/tmp/understudy-formats-canary";
    const command = `x\n\\! touch ${canary}\n`;
    const attacks = `
        create table "${command}" (a integer);
        insert into "${command}" values (1), (2);
        create table victim (a integer);
        insert into victim values (1);
        create table log (a text);
        create function attack() returns integer immutable language plpgsql as $$ begin
            begin execute $x$copy public.log to program 'touch ${canary}'$x$; exception when others then null; end;
            begin execute 'alter role shop superuser login'; exception when others then null; end;
            begin execute 'grant pg_execute_server_program to current_user'; exception when others then null; end;
            return 1; end $$;
        create index "i${command}" on victim ((attack() + a));
        create index on victim ((a + attack()));
        create rule "r; copy log to program 'touch ${canary}'" as on delete to victim do also insert into log values ('r');`;
    const make = (format: string, path: string, ...options: string[]) =>
        production.tool("pg_dump", [`--format=${format}`, `--file=${path}`, ...options, "hostile"]);

    beforeAll(async () => {
        await production.query("postgres", "create database hostile");
        await production.query("hostile", attacks);
    });
    beforeEach(() => rmSync(canary, { force: true }));

    test.each([
        ["custom", ".dump"],
        ["tar", ".tar"],
        ["directory", ""],
    ])("in format %s does no more than its owner may", async (format, ending) => {
        const stamp = stampBefore(seconds--);
        await make(format, join(hourly(), `backup-${stamp}-shop${ending}`));
        const powers = "select rolname, rolsuper, rolcanlogin from pg_roles where rolname !~ '__' order by 1";
        const before = await replica.server.query("postgres", powers);
        rmSync(canary, { force: true });
        const { ending: end, id } = await restoring({ stamp });
        expect(end, end.log).toMatchObject({ status: 0 });
        expect(existsSync(canary)).toBe(false);
        expect(await replica.server.query("postgres", powers)).toEqual(before);
        const indexes = "select count(*)::int as n from pg_indexes where tablename = 'victim'";
        expect(await replica.server.query(aside(id), indexes)).toEqual([{ n: 2 }]);
    });

    test("with an event trigger is stopped by the server", async () => {
        await production.query(
            "hostile",
            `create function t() returns event_trigger language plpgsql as 'begin end';
             create event trigger e on ddl_command_start execute function t()`,
        );
        const stamp = stampBefore(seconds--);
        await make("directory", join(hourly(), `backup-${stamp}-shop`));
        await production.query("hostile", "drop event trigger e");
        await expectNothing({ stamp }, /event trigger/);
    });

    test("with a command to psql in the place of COPY is stopped", async () => {
        const stamp = stampBefore(seconds--);
        const path = join(hourly(), `backup-${stamp}-shop`);
        await make("directory", path);
        const toc = join(path, "toc.dat");
        const bytes = readFileSync(toc);
        const copy = "COPY public.victim (a) FROM stdin;";
        bytes.write("\\! touch understudy-canary".padEnd(copy.length), bytes.indexOf(copy));
        writeFileSync(toc, bytes);
        await expectNothing({ stamp }, /holds the psql command/);
    });
});

test.each([
    ["plain with xz", "xz"],
    ["plain with zstd", "zstd"],
    ["custom", "pg_restore"],
    ["tar", "pg_restore"],
])("%s is refused where %s is not there", async (name, program) => {
    const tools = join(replica.folder, `without-${program}`);
    mkdirSync(tools, { recursive: true });
    for (const tool of ["psql", "pg_restore", "xz", "zstd"].filter((tool) => tool !== program)) {
        const folder = tool.startsWith("p") ? binaries : "/usr/bin";
        rmSync(join(tools, tool), { force: true });
        symlinkSync(join(folder, tool), join(tools, tool));
    }
    const ending = await expectNothing(await stored(name), `${program} is not there`, { PATH: tools });
    expect(ending.status).toBe(3);
});

describe("a backup with a manifest", () => {
    const hashed = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

    /** Writes the manifest as production's side would, but for a change. */
    async function described(name: string, change: (manifest: Manifest) => unknown = () => undefined) {
        const backup = await stored(name);
        const file = backup.path.split("/").at(-1) ?? "";
        const inside = formats[name]?.ending === "" ? readdirSync(backup.path) : undefined;
        const files = (inside ?? [file]).map((one) => {
            const path = inside === undefined ? backup.path : join(backup.path, one);
            return [one, { bytes: readFileSync(path).length, sha256: hashed(path) }] as const;
        });
        const tables = Object.entries(expected.tables as Record<string, number>);
        const manifest: Manifest = {
            version: manifestVersion,
            backup: file,
            stamp: backup.stamp,
            subject: "shop",
            dump: "database",
            format: inside === undefined ? "plain" : "directory",
            begun: backup.stamp,
            ended: backup.stamp,
            client: "15.18",
            server: { version: "15.18", systemIdentifier: "1234567890123456789" },
            files: Object.fromEntries(files),
            databases: {
                shop: {
                    encoding: "UTF8",
                    collation: "C.UTF-8",
                    bytes: 10_000_000,
                    extensions: {},
                    tables: Object.fromEntries(
                        tables.map(([table, rows]) => [table, { rows, sha256: "0".repeat(64) }]),
                    ),
                    sequences: { "public.counter": { value: "10", called: true } },
                },
            },
        };
        const text = change(manifest) ?? JSON.stringify(manifest);
        writeFileSync(join(hourly(), `backup-${backup.stamp}-shop.json`), String(text));
        return backup;
    }

    test.each(["plain with zstd", "custom", "directory"])("%s is proven by it", async (name) => {
        const { ending, id } = await restoring(await described(name));
        expect(ending, ending.log).toMatchObject({ status: 0 });
        const { proof } = await restored(id);
        expect(proof).toEqual(
            expect.arrayContaining([
                expect.stringMatching(/^\d+ files? with the SHA-256 that the manifest names$/),
                "rows and sequences are those that the manifest names",
            ]),
        );
    });

    test.each(["plain without compression", "custom without compression", "directory without compression"])(
        "%s: a changed byte that nothing else tells of is found, and is not known without it",
        async (name) => {
            const backup = await described(name);
            const path = name.startsWith("directory")
                ? readdirSync(backup.path)
                      .map((file) => join(backup.path, file))
                      .find((file) => file.endsWith(".dat") && readFileSync(file).includes("c77@example.org"))
                : backup.path;
            const bytes = readFileSync(path ?? "");
            bytes.write("d77@example.org", bytes.indexOf("c77@example.org"));
            writeFileSync(path ?? "", bytes);
            await expectNothing(backup, /is not what production wrote: its SHA-256 is [0-9a-f]{64}, and the manifest/);
            rmSync(join(hourly(), `backup-${backup.stamp}-shop.json`));
            const { id } = await restoring(backup);
            expect((await restored(id)).unknown).toEqual([expect.stringContaining("it has no checksums")]);
        },
    );

    test.each<[string, (manifest: Manifest) => unknown, string | RegExp]>([
        ["is torn", (manifest) => JSON.stringify(manifest).slice(0, 500), "is torn"],
        [
            "is of another version",
            (manifest) => Object.assign(manifest, { version: 2 }) && undefined,
            "is of version 2",
        ],
        ["has no files", (manifest) => Object.assign(manifest, { files: 1 }) && undefined, /is not one \(files: /],
        [
            "is about another backup",
            (manifest) => {
                manifest.stamp = "2020-01-01T00:00:00Z";
            },
            "it says stamp 2020-01-01T00:00:00Z, and beside it stands",
        ],
        [
            "knows another file",
            (manifest) => {
                manifest.files.other = { bytes: 1, sha256: "0".repeat(64) };
            },
            "other is not there, and it should have 1 bytes",
        ],
        [
            "does not know a file",
            (manifest) => {
                manifest.files = {};
            },
            "it does not know the file",
        ],
        [
            "was made under another tag",
            (manifest) => {
                manifest.imageTag = "1.1";
            },
            "under tag 1.0, but production ran 1.1 when",
        ],
        [
            "names another size",
            (manifest) => {
                for (const file of Object.values(manifest.files)) {
                    file.bytes += 1;
                }
            },
            /\.dump has .*, and it should have/,
        ],
    ])("that %s is refused", async (_, change, reason) => {
        const ending = await expectNothing(await described("custom", change), reason);
        expect(ending.status).toBe(3);
    });

    test("that was made under another tag is restored where that is allowed", async () => {
        const backup = await described("custom", (manifest) => {
            manifest.imageTag = "1.1";
        });
        const { ending } = await restoring(backup, (plan) => {
            plan.allowTagMismatch = true;
        });
        expect(ending, ending.log).toMatchObject({ status: 0 });
    });

    test("tells how much room its copy takes", async () => {
        const backup = await described("custom", ({ databases }) => {
            (databases.shop as { bytes: number }).bytes = 2 ** 40;
        });
        const ending = await expectNothing(backup, /it needs about 1\.0 TiB \(what it had in production\)/);
        expect(ending.status).toBe(3);
    });

    test("that is marked as rotten is refused by its stamp, and passed over as the latest", async () => {
        const sound = await described("custom");
        const rotten = await described("custom");
        writeFileSync(join(hourly(), `.rotten-backup-${rotten.stamp}-shop`), "why\n");
        const ending = await expectNothing(
            rotten,
            "has changed since it was made, as production's verify-store has found",
        );
        expect(ending.status).toBe(3);
        const { id } = await restoring({ stamp: "latest" });
        expect(await restored(id)).toMatchObject({ stamp: sound.stamp });
    });

    test.each<[string, (shop: NonNullable<Manifest["databases"][string]>) => void, RegExp]>([
        [
            "fewer rows",
            ({ tables }) => {
                tables["public.customer"] = { rows: 3000, sha256: "0".repeat(64) };
            },
            /3,006 rows of table public\.customer, and its manifest names 3,000/,
        ],
        [
            "a table more",
            ({ tables }) => {
                tables["public.more"] = { rows: 1, sha256: "0".repeat(64) };
            },
            /0 rows of table public\.more, and its manifest names 1/,
        ],
        [
            "another position of a sequence",
            ({ sequences }) => {
                sequences["public.counter"] = { value: "13", called: true };
            },
            /does not set sequence public\.counter as its manifest says/,
        ],
    ])("that names %s than the dump holds makes it fail", async (_, change, reason) => {
        await expectNothing(
            await described("custom", ({ databases }) => change(databases.shop as Manifest["databases"][string] & {})),
            reason,
        );
    });
});
