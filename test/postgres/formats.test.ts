import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { due } from "../due";
import { sweep } from "../sweep";
import { endings, type FormatStage, openFormats } from "./formats";
import { aside } from "./replica";
import { binaries } from "./server";

let stage: FormatStage;
beforeAll(async () => {
    stage = await openFormats();
});
afterEach(() => stage.clear());
afterAll(() => stage?.stop());

describe.each(due(Object.keys(endings)))("%s", (name) => {
    sweep([1, 3])("is restored to the same database over %i connections", async (jobs) => {
        const { ending, id } = await stage.restoring(await stage.stored(name), ({ database }) => {
            database.jobs = jobs;
        });
        expect(ending, ending.log).toMatchObject({
            status: 0,
            sentence: expect.stringContaining("restored and proven"),
        });
        const { content, tables } = await stage.restored(id);
        expect(content).toBe(stage.expected.content);
        expect(tables).toEqual(stage.expected.tables);
    });
});

sweep([
    ["plain without compression", /ends (in the middle of|without the line)/],
    ["plain with xz", /xz says: Unexpected end of input/],
    ["plain with zstd", /zstd says: .*premature end/],
    // What is said first is of the first of several pg_restores that meets the end.
    ["custom", /pg_restore says: could not (read from input file: end of file|find block ID)/],
    ["custom without compression", /pg_restore says: could not (read from input file: end of file|find block ID)/],
    ["tar", /ends in the middle: the tar file was cut/],
])("%s, cut short, is never restored", async (name, reason) => {
    for (const share of [0.6, 0.95]) {
        const backup = await stage.stored(name);
        const bytes = readFileSync(backup.path);
        writeFileSync(backup.path, bytes.subarray(0, Math.floor(bytes.length * share)));
        await stage.expectNothing(backup, reason);
    }
});

sweep([
    ["plain with xz", /xz says: |PostgreSQL says: |holds |ends /],
    ["plain with zstd", /zstd says: |PostgreSQL says: |holds |ends /],
    ["custom", /pg_restore says: |PostgreSQL says: |holds |ends /],
])("%s, with a flipped bit in its rows, is never restored", async (name, reason) => {
    const backup = await stage.stored(name);
    flip(backup.path, 0.8);
    await stage.expectNothing(backup, reason);
});

describe("a directory", () => {
    const largest = (path: string) => {
        const files = readdirSync(path).filter((file) => file !== "toc.dat");
        const sized = files.map((file) => ({ file, size: readFileSync(join(path, file)).length }));
        return join(path, sized.toSorted((a, b) => b.size - a.size)[0]?.file ?? "");
    };
    sweep<[string, (file: string) => void, RegExp]>([
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
        const backup = await stage.stored("directory");
        damage(largest(backup.path));
        await stage.expectNothing(backup, reason);
    });

    test("without its table of contents is refused", async () => {
        const backup = await stage.stored("directory");
        rmSync(join(backup.path, "toc.dat"));
        await stage.expectNothing(backup, /is not a file, nor a folder that pg_dump has made/);
    });
});

function flip(path: string, share: number) {
    const bytes = readFileSync(path);
    const at = Math.floor(bytes.length * share);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    writeFileSync(path, bytes);
}

test("two backups of the same stamp are refused, by their names", async () => {
    const { stamp, path } = await stage.stored("custom");
    cpSync(path, join(stage.hourly, `backup-${stamp}-shop.tar`));
    await stage.expectNothing({ stamp }, /more than once \(.*-shop.tar, .*-shop.dump|-shop.dump, .*-shop.tar/);
});

test("what the files hold counts, not what they are called", async () => {
    const { stamp, path } = await stage.stored("custom");
    cpSync(path, join(stage.hourly, `backup-${stamp}-shop.sql.gz`));
    rmSync(path);
    expect((await stage.restoring({ stamp })).ending).toMatchObject({ status: 0 });
});

sweep(["custom", "tar", "directory"])("%s of a newer server is refused with both versions", async (name) => {
    const backup = await stage.stored(name);
    const file = name === "directory" ? join(backup.path, "toc.dat") : backup.path;
    const bytes = readFileSync(file);
    // The server's version comes first, then pg_dump's.
    const server = bytes.indexOf("\0" + "15.") + 1;
    const client = bytes.indexOf("\0" + "15.", server) + 1;
    bytes.write("18", server);
    writeFileSync(file, bytes);
    await stage.expectNothing(backup, /is of PostgreSQL 18\.\d+, and the replica's server is 15\.\d+/);
    bytes.write("15", server);
    bytes.write("18", client);
    writeFileSync(file, bytes);
    await stage.expectNothing(
        backup,
        /was made by pg_dump 18\.\d+, from PostgreSQL 15\.\d+, and pg_restore is 15\.\d+ here/,
    );
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
        stage.production.tool("pg_dump", [`--format=${format}`, `--file=${path}`, ...options, "hostile"]);

    beforeAll(async () => {
        await stage.production.query("postgres", "create database hostile");
        await stage.production.query("hostile", attacks);
    });
    beforeEach(() => rmSync(canary, { force: true }));

    sweep([
        ["custom", ".dump"],
        ["tar", ".tar"],
        ["directory", ""],
    ])("in format %s does no more than its owner may", async (format, ending) => {
        const stamp = stage.stamp();
        await make(format, join(stage.hourly, `backup-${stamp}-shop${ending}`));
        const powers = "select rolname, rolsuper, rolcanlogin from pg_roles where rolname !~ '__' order by 1";
        const before = await stage.replica.server.query("postgres", powers);
        rmSync(canary, { force: true });
        const { ending: end, id } = await stage.restoring({ stamp });
        expect(end, end.log).toMatchObject({ status: 0 });
        expect(existsSync(canary)).toBe(false);
        expect(await stage.replica.server.query("postgres", powers)).toEqual(before);
        const indexes = "select count(*)::int as n from pg_indexes where tablename = 'victim'";
        expect(await stage.replica.server.query(aside(id), indexes)).toEqual([{ n: 2 }]);
    });

    test("with an event trigger is stopped by the server", async () => {
        await stage.production.query(
            "hostile",
            `create function t() returns event_trigger language plpgsql as 'begin end';
             create event trigger e on ddl_command_start execute function t()`,
        );
        const stamp = stage.stamp();
        await make("directory", join(stage.hourly, `backup-${stamp}-shop`));
        await stage.production.query("hostile", "drop event trigger e");
        await stage.expectNothing({ stamp }, /event trigger/);
    });

    test("with a command to psql in the place of COPY is stopped", async () => {
        const stamp = stage.stamp();
        const path = join(stage.hourly, `backup-${stamp}-shop`);
        await make("directory", path);
        const toc = join(path, "toc.dat");
        const bytes = readFileSync(toc);
        const copy = "COPY public.victim (a) FROM stdin;";
        bytes.write("\\! touch understudy-canary".padEnd(copy.length), bytes.indexOf(copy));
        writeFileSync(toc, bytes);
        await stage.expectNothing({ stamp }, /holds the psql command/);
    });
});

sweep([
    ["plain with xz", "xz"],
    ["plain with zstd", "zstd"],
    ["custom", "pg_restore"],
    ["tar", "pg_restore"],
])("%s is refused where %s is not there", async (name, program) => {
    const tools = join(stage.replica.folder, `without-${program}`);
    mkdirSync(tools, { recursive: true });
    for (const tool of ["psql", "pg_restore", "xz", "zstd"].filter((tool) => tool !== program)) {
        const folder = tool.startsWith("p") ? binaries : "/usr/bin";
        rmSync(join(tools, tool), { force: true });
        symlinkSync(join(folder, tool), join(tools, tool));
    }
    const ending = await stage.expectNothing(await stage.stored(name), `${program} is not there`, { PATH: tools });
    expect(ending.status).toBe(3);
});
