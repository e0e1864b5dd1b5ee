import { type SpawnOptions, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { installPackages } from "../../dev/packages";
import { dump, ids, type Replica, stampBefore, startProduction, startReplica } from "./replica";
import { binaries, startServer, type TestServer } from "./server";

/**
 * What hurts when a whole dump is played into the database that people use, and files are mirrored onto the volume that
 * they use. Each is done twice with the same input: the former way, to see that it hurts, and ours.
 */
let production: TestServer;
let former: TestServer;
let replica: Replica;

beforeAll(async () => {
    [production, former, replica] = await Promise.all([startProduction(), startServer(), startReplica()]);
    await former.query("postgres", "create role shop login password 'staging''s own'");
    await former.query("postgres", "create database shop owner shop");
    const backup = await dump(production);
    await played(backup);
    await refreshed(ids[0], backup);
});
afterAll(async () => {
    await Promise.all([production?.stop(), former?.stop(), replica?.stop()]);
});
beforeEach(() => {
    rmSync(join(replica.folder, "store"), { recursive: true, force: true });
    mkdirSync(join(replica.folder, "store/hourly"), { recursive: true });
});

/** Plays a dump with psql, as a recovery container does; its status is psql's. */
function played(backup: Buffer, database = "shop", stop = false): Promise<{ status: number | null; errors: string }> {
    const env = { PGPASSWORD: former.password, PGHOST: "127.0.0.1", PGPORT: String(former.port), PGUSER: "postgres" };
    const psql = ["-X", "-q", "-v", `ON_ERROR_STOP=${stop ? 1 : 0}`, "-d", database];
    return ended(join(binaries, "psql"), psql, { env: { ...process.env, ...env } }, text(backup));
}

/** What comes out of a backup; of one that is torn, what comes until there. */
function text(backup: Buffer): Buffer {
    return gunzipSync(backup, { finishFlush: constants.Z_SYNC_FLUSH });
}

function ended(program: string, args: string[], options: SpawnOptions, input?: Buffer) {
    const child = spawn(program, args, { ...options, stdio: ["pipe", "ignore", "pipe"] });
    let errors = "";
    child.stderr?.on("data", (chunk) => {
        errors += chunk;
    });
    // A psql that stops at an error does not read to the end.
    child.stdin?.on("error", () => undefined).end(input);
    return new Promise<{ status: number | null; errors: string }>((resolve, reject) => {
        child.on("error", reject);
        child.on("close", (status) => resolve({ status, errors }));
    });
}

/** Refreshes the replica with a backup, until it is live. */
async function refreshed(id: string, backup: Buffer): Promise<void> {
    replica.store(stampBefore(60), backup);
    for (const command of ["prepare-database", "prepare-media", "switch"] as const) {
        expect(await replica.run(command, replica.plan(id, ids[0]))).toMatchObject({ status: 0 });
    }
}

/** A refresh of the replica was refused or failed, and nothing on its server has changed. */
async function leftAlone(id: string, reason: RegExp, kind: "database" | "server" = "database"): Promise<void> {
    const before = await replica.server.content();
    const plan = replica.plan(id, ids[0], ({ database }) => {
        database.dump = kind;
    });
    const { status, sentence } = await replica.run("prepare-database", plan);
    expect(sentence).toMatch(reason);
    expect(status).not.toBe(0);
    expect(await replica.server.content()).toBe(before);
}

const count = async ({ query }: TestServer, table: string) =>
    (await query("shop", `select count(*)::int as n from ${table}`).catch(() => [{ n: "gone" }]))[0]?.n;

describe("a backup that was broken off", () => {
    test("is played to its end and called done, with rows missing; ours is refused, with all rows there", async () => {
        const whole = await dump(production);
        const torn = whole.subarray(0, whole.length * 0.6);
        const rows = await count(replica.server, "customer");
        expect((await played(torn)).status).toBe(0);
        expect(await count(former, "orders")).not.toBe(await count(production, "orders"));

        replica.store(stampBefore(30), torn);
        await leftAlone(ids[1], /broken off|unexpected end|torn|truncated/i);
        expect(await count(replica.server, "customer")).toBe(rows);
        await played(await dump(production));
    });
});

describe("a dump of the whole server", () => {
    test("played into the one database cannot drop it; ours takes the database out of it", async () => {
        const whole = await wholeServer();
        const { status, errors } = await played(whole, "shop", true);
        expect(errors).toMatch(/cannot drop the currently open database/);
        expect(status).not.toBe(0);
        await played(await dump(production));

        replica.store(stampBefore(30), whole, "dumpall");
        const plan = replica.plan(ids[2], ids[0], ({ database }) => {
            database.dump = "server";
        });
        expect(await replica.run("prepare-database", plan)).toMatchObject({ status: 0 });
    });

    test("drops every database before it fails, and brings production's passwords; ours changes nothing until it is proven", async () => {
        await production.query("postgres", "alter role shop password 'production''s own'");
        const whole = await wholeServer();
        const { status, errors } = await played(whole, "postgres", true);
        expect(errors).toMatch(/(current user|role "postgres") cannot be dropped/);
        expect(status).not.toBe(0);
        await expect(former.query("shop", "select 1")).rejects.toThrow(/does not exist/);

        // The same, but going on after errors: it comes up again, with production's password.
        await played(whole, "postgres");
        expect(await secret(former)).toBe(await secret(production));

        replica.store(stampBefore(30), whole.subarray(0, whole.length - 2000), "dumpall");
        await leftAlone(ids[3], /broken off|unexpected end|torn|truncated/i, "server");
        expect(await replica.server.content()).not.toContain(await secret(production));
    });
});

describe("a candidate that has migrated", () => {
    test("leaves a table behind that stops the next migration; ours begins with production's tables alone", async () => {
        const migration = "create table public.of_the_candidate (a integer)";
        await former.query("shop", migration);
        await replica.server.query("shop", `set role shop; ${migration}`);
        const backup = await dump(production);

        expect((await played(backup)).status).toBe(0);
        await expect(former.query("shop", migration)).rejects.toThrow(/already exists/);

        await refreshed(ids[4], backup);
        await replica.server.query("shop", migration);
    });
});

describe("people who use the copy meanwhile", () => {
    test("see it without its tables; ours stays whole for them until it is switched", async () => {
        const backup = await dump(production);
        const rows = await count(production, "customer");
        expect(await seen(former, () => played(backup))).not.toEqual([rows]);
        replica.store(stampBefore(30), backup);
        const plan = replica.plan(ids[1], ids[0]);
        expect(await seen(replica.server, () => replica.run("prepare-database", plan))).toEqual([rows]);
    });

    /** The different counts of rows that somebody sees who looks all the time. */
    async function seen(server: TestServer, work: () => Promise<unknown>): Promise<unknown[]> {
        const found = new Set<unknown>();
        let done = false;
        const working = work().finally(() => {
            done = true;
        });
        while (!done) {
            found.add(await count(server, "customer"));
        }
        await working;
        return [...found];
    }
});

describe("somebody who stays in a transaction, as a pooler's connections do", () => {
    test("holds the dump up for as long as they like; ours goes on, and their session ends", async () => {
        const backup = await dump(production);
        const waiting = "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock'";
        const guest = await inTransaction(former);
        const playing = played(backup);
        while ((await former.query("postgres", waiting))[0]?.n === 0) {
            await sleep(50);
        }
        await guest.client.end();
        await playing;

        const other = await inTransaction(replica.server);
        await refreshed(ids[2], backup);
        expect(await other.ended).toMatchObject({ code: "57P01" });
    });

    /** Somebody who has read a table and goes on later; `ended` tells why they could not. */
    async function inTransaction({ port, password }: TestServer) {
        const client = new Client({ host: "127.0.0.1", port, user: "postgres", password, database: "shop" });
        const ended = new Promise<Error>((resolve) => client.once("error", resolve));
        client.on("error", () => undefined);
        await client.connect();
        await client.query("begin");
        await client.query("select count(*) from customer");
        return { client, ended };
    }
});

describe("a source of files that is not mounted", () => {
    test("empties the target and is called done; ours is refused", async () => {
        await installPackages(["rsync"]);
        const folder = mkdtempSync(join(tmpdir(), "understudy-former-"));
        try {
            mkdirSync(join(folder, "source"));
            mkdirSync(join(folder, "target"));
            writeFileSync(join(folder, "target/picture"), "a picture");
            const mirror = ["-a", "--delete", `${folder}/source/`, `${folder}/target`];
            expect((await ended("rsync", mirror, {})).status).toBe(0);
            expect(readdirSync(join(folder, "target"))).toEqual([]);

            const plan = replica.plan(ids[0], ids[1], ({ media }) => {
                media.source = join(folder, "source");
            });
            const { status, sentence } = await replica.run("prepare-media", plan);
            expect(sentence).toMatch(/mount/);
            expect(status).toBe(3);
            expect(existsSync(join(replica.folder, "volume/generations", ids[0], "picture"))).toBe(true);
        } finally {
            rmSync(folder, { recursive: true });
        }
    });
});

/** A compressed dump of production's whole server. */
async function wholeServer(): Promise<Buffer> {
    return gzipSync(await production.tool("pg_dumpall", ["--clean", "--if-exists"]), { level: 1 });
}

async function secret({ query }: TestServer): Promise<string> {
    const [row] = await query("postgres", "select rolpassword from pg_authid where rolname = 'shop'");
    return String(row?.rolpassword);
}
