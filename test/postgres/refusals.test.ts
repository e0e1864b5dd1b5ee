import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { frame, ids, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
let before: string;

beforeAll(async () => {
    replica = await startReplica();
    replica.store(stampBefore(4000), frame("CREATE TABLE public.t (a integer);\nINSERT INTO public.t VALUES (1);"));
    await replica.run("prepare-database", replica.plan(ids[0], ids[0]));
    await replica.run("prepare-media", replica.plan(ids[0], ids[0]));
    expect(await replica.run("switch", replica.plan(ids[0], ids[0]))).toMatchObject({ status: 0 });
    before = await replica.server.content();
});
afterAll(() => replica?.stop());
beforeEach(() => {
    rmSync(join(replica.folder, "store"), { recursive: true, force: true });
    mkdirSync(join(replica.folder, "store/hourly"), { recursive: true });
});

/** Runs prepare-database for a new generation, and makes sure that it was refused and that nothing has changed. */
async function refusal(change: (plan: Plan) => void = () => undefined, env: NodeJS.ProcessEnv = {}) {
    const plan = replica.plan(ids[1], ids[0], change);
    const files = readdirSync(join(replica.folder, "store"), { recursive: true });
    const { status, sentence, log } = await replica.run("prepare-database", plan, { env });
    expect(status, log).toBe(3);
    expect(await replica.server.content()).toBe(before);
    expect(readdirSync(join(replica.folder, "store"), { recursive: true })).toEqual(files);
    expect(log).not.toContain(replica.server.password);
    return sentence;
}

test("production's own server, by its system identifier", async () => {
    const [row] = await replica.server.query(
        "postgres",
        "select system_identifier::text as id from pg_control_system()",
    );
    expect(
        await refusal(({ source }) => {
            source.systemIdentifier = String(row?.id);
        }),
    ).toContain("is production's own");
});

test("a server without a marker", async () => {
    await replica.server.query("postgres", "alter schema understudy rename to elsewhere");
    before = await replica.server.content();
    expect(await refusal()).toMatch(
        /does not carry the marker .* is not production's, pipe what `understudy marker test's` prints into psql, as a superuser/,
    );
    await replica.server.query("postgres", "alter schema elsewhere rename to understudy");
    before = await replica.server.content();
});

test("a user who is no superuser, whether the server lets them in or not", async () => {
    const { query, password } = replica.server;
    const asClerk = ({ database }: Plan) => {
        database.server.user = "clerk";
    };
    const sentence = /User clerk of the server .* is no superuser, .*: write a superuser to database\.server\.user/;
    await query("postgres", `create role clerk login createdb createrole password '${password}'`);
    before = await replica.server.content();
    expect(await refusal(asClerk)).toMatch(sentence);
    await query("postgres", "grant connect on database postgres to clerk");
    before = await replica.server.content();
    expect(await refusal(asClerk)).toMatch(sentence);
    await query("postgres", "drop owned by clerk; drop role clerk");
    before = await replica.server.content();
});

test("another stack's server", async () => {
    expect(
        await refusal((plan) => {
            plan.stack = "understudy/other";
        }),
    ).toContain("belongs to the replica of stack understudy/test's");
});

test("a database that somebody else has made", async () => {
    await replica.server.query("postgres", "create database other");
    before = await replica.server.content();
    expect(
        await refusal(({ database }) => {
            database.databases[0].name = "other";
        }),
    ).toContain("Database other is on the server, but understudy has not made it");
    await replica.server.query("postgres", "drop database other");
    before = await replica.server.content();
});

test("an owner that is a superuser", async () => {
    expect(
        await refusal(({ database }) => {
            database.databases[0].owner = "postgres";
        }),
    ).toContain("Role postgres");
});

test("a wrong password, at once and without telling it", async () => {
    const path = join(replica.folder, "secrets/wrong");
    writeFileSync(path, "not the password");
    const sentence = await refusal(({ database }) => {
        database.server.passwordFile = path;
    });
    expect(sentence).toContain("does not take the password of user postgres");
    expect(sentence).not.toContain("not the password");
});

test("a plan with several problems, all of them at once", async () => {
    const sentence = await refusal((plan) => {
        Object.assign(plan, { version: 2, extra: true });
        Object.assign(plan.database, { keepGenerations: -1 });
        plan.database.databases[0].name = "Shop";
    });
    for (const key of ["version", "database.databases.0.name", "database.keepGenerations", "extra"]) {
        expect(sentence).toContain(key);
    }
});

test("a second run while one is at it, which is named", async () => {
    const client = new Client({
        ...{ host: "127.0.0.1", port: replica.server.port, user: "postgres", password: replica.server.password },
        ...{ database: "postgres", application_name: "understudy switch 00000000aa" },
    });
    await client.connect();
    await client.query("select pg_advisory_lock(hashtextextended(stack, 7305118223)) from understudy.replica");
    expect(await refusal()).toContain("Another run is at this server: understudy switch 00000000aa");
    await client.end();
});

test("a store that is not there, has no folder, is empty, or holds others' backups: each by its name", async () => {
    const store = join(replica.folder, "store");
    expect(await refusal()).toContain("holds no backup at all");
    replica.store(stampBefore(60), frame("SELECT 1;"), "billing");
    replica.store(stampBefore(60), frame("SELECT 1;"), "archive");
    expect(await refusal()).toMatch(
        /holds no backup of database shop, only of archive, billing: set database.name to the database/,
    );
    renameSync(join(store, "hourly"), join(store, "daily"));
    expect(await refusal()).toContain("has no folder hourly (it holds daily)");
    expect(
        await refusal(({ database }) => {
            database.backups = join(replica.folder, "nowhere");
        }),
    ).toContain("nowhere is not there");
});

test("an unknown stamp, never replaced by another", async () => {
    const stamps = [stampBefore(10_000), stampBefore(7000), stampBefore(4000), stampBefore(1000)];
    for (const stamp of stamps) {
        replica.store(stamp, frame("SELECT 1;"));
    }
    const sentence = await refusal(({ database }) => {
        database.backup = stampBefore(4001);
    });
    expect(sentence).toContain(`the newest are ${stamps.slice(1).reverse().join(", ")}`);
});

test("a stale backup, with its age and the limit", async () => {
    replica.store(stampBefore(3 * 3600 + 120), frame("SELECT 1;"));
    const sentence = await refusal(({ database }) => {
        database.maximumAge = 7200;
    });
    expect(sentence).toMatch(/is 3 h 2 min old, and the limit is 2 h/);
});

test("a backup of the future", async () => {
    replica.store(stampBefore(-3600), frame("SELECT 1;"));
    expect(await refusal()).toMatch(/is dated (1 h|59 min).* in the future/);
});

test.each([
    ["an empty file", Buffer.alloc(0), "is empty"],
    ["text that ends after its title", Buffer.from("-- PostgreSQL database dump\n"), "does not say which version"],
    ["text of something else", Buffer.from("-- MySQL dump 10.13\n"), "is not a dump of PostgreSQL"],
    ["an archive's first bytes", Buffer.from("PGDMP\x01\x0e"), "is not an archive of pg_dump"],
    ["compressed text that is no dump", gzipSync("hello"), "is not a dump of PostgreSQL"],
    ["a compressed archive", gzipSync("PGDMP\x01\x0e"), "is not a dump of PostgreSQL"],
    [
        "a dump of a whole server",
        gzipSync("--\n-- PostgreSQL database cluster dump\n--\n"),
        "set database.dump to server and name such files backup-<time>Z-dumpall.sql.gz",
    ],
    [
        "a dump of a newer major version",
        gzipSync("-- PostgreSQL database dump\n-- Dumped from database version 18.1 (Debian)\n"),
        "is of PostgreSQL 18.1, and the replica's server is 15.",
    ],
])("%s in the place of a dump", async (_, bytes, reason) => {
    replica.store(stampBefore(60), bytes);
    expect(await refusal()).toContain(reason);
});

test("no room for a second copy, with both figures", async () => {
    replica.store(stampBefore(60), frame("SELECT 1;"));
    const sentence = await refusal(({ database }) => {
        database.capacity = 2 ** 25;
    });
    expect(sentence).toMatch(/needs about \d.*MiB \(the size of the live copy\), and .* of 32\.0 MiB are left/);
});

test("no psql, or one that obeys commands in a dump", async () => {
    replica.store(stampBefore(60), frame("SELECT 1;"));
    const tools = join(replica.folder, "tools");
    mkdirSync(tools);
    expect(await refusal(undefined, { PATH: tools })).toContain("psql is not there");
    writeFileSync(join(tools, "psql"), "#!/bin/sh\necho 'psql (PostgreSQL) 15.13'\n", { mode: 0o755 });
    expect(await refusal(undefined, { PATH: tools })).toContain("psql 15.13 obeys commands that hide in a dump");
});
