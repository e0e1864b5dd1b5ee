import type { ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { poolerConfiguration, poolerPort, userList } from "../../components/pooler-configuration";
import { installPackages } from "../../dev/packages";
import { aside, frame, ids, loginPassword, type Replica, stampBefore, startReplica } from "./replica";
import { freePort, spawnAsServer } from "./server";

const [first, second] = ids;
const maxConnections = 4;
let replica: Replica;
let poolers: { first: Pooler; second: Pooler };

/** A pgBouncer in front of the replica's server, for the login role of one generation. */
interface Pooler {
    generation: string;
    port: number;
    process: ChildProcess;
    folder: string;
}

async function startPooler(generation: string): Promise<Pooler> {
    if (!existsSync("/usr/sbin/pgbouncer")) {
        await installPackages(["pgbouncer"]);
    }
    const folder = mkdtempSync(join(tmpdir(), "understudy-pooler-"));
    chmodSync(folder, 0o755);
    const port = await freePort();
    const users = join(folder, "userlist.txt");
    const text = poolerConfiguration({
        server: { host: "127.0.0.1", port: replica.server.port },
        databases: ["shop"],
        userList: users,
        minPoolSize: 2,
        maxConnections,
    });
    // Two of them listen on this machine.
    writeFileSync(join(folder, "pgbouncer.ini"), text.replace(`= ${poolerPort}`, `= ${port}`));
    writeFileSync(users, userList(aside(generation), loginPassword));
    const process = spawnAsServer("/usr/sbin/pgbouncer", [join(folder, "pgbouncer.ini")]);
    return { generation, port, process, folder };
}

/** Asks one question through a pooler, as the application of its generation does. */
async function ask({ generation, port }: Pooler, password = loginPassword, sql = "select text from item limit 1") {
    const client = new Client({ host: "127.0.0.1", port, database: "shop", user: aside(generation), password });
    client.on("error", () => undefined);
    try {
        await client.connect();
        const { rows } = await client.query(sql.replace("select", "select current_user as role,"));
        return rows[0] as { role: string; text: string };
    } finally {
        await client.end().catch(() => undefined);
    }
}

/** Asks until there is an answer; returns it and for how many milliseconds there was none. */
async function served(pooler: Pooler) {
    const start = performance.now();
    for (;;) {
        try {
            return { answer: await ask(pooler), away: performance.now() - start };
        } catch (error) {
            if (pooler.process.exitCode !== null || performance.now() - start > 60_000) {
                throw error;
            }
            await sleep(20);
        }
    }
}

beforeAll(async () => {
    replica = await startReplica();
    for (const [at, id] of [first, second].entries()) {
        const dump = `CREATE TABLE public.item (text text);\nALTER TABLE public.item OWNER TO shop;\nCOPY public.item (text) FROM stdin;\n${id}\n\\.\n`;
        replica.store(stampBefore(4000 - at), frame(dump));
        expect(await replica.run("prepare-database", replica.plan(id, first))).toMatchObject({ status: 0 });
    }
    expect(await replica.run("prepare-media", replica.plan(first, first))).toMatchObject({ status: 0 });
    expect(await replica.run("switch", replica.plan(first, first))).toMatchObject({ status: 0 });
    poolers = { first: await startPooler(first), second: await startPooler(second) };
});
afterAll(async () => {
    for (const { process, folder } of Object.values(poolers ?? {})) {
        process.kill("SIGQUIT");
        rmSync(folder, { recursive: true });
    }
    await replica?.stop();
});

test("forty clients share four connections, and each acts as the owner of the live copy", async () => {
    await served(poolers.first);
    const slow = "select text from item, pg_sleep(0.05)";
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(poolers.first, loginPassword, slow)));
    expect(answers).toEqual(Array.from({ length: 40 }, () => ({ role: "shop", text: first })));
    const [row] = await replica.server.query(
        "postgres",
        "select count(*)::int as open from pg_stat_activity where datname = 'shop'",
    );
    expect(row).toEqual({ open: maxConnections });
});

test("whoever does not know the generation's password is not let in", async () => {
    await expect(ask(poolers.first, "another")).rejects.toThrow(/authentication failed/i);
    await expect(ask({ ...poolers.first, generation: second })).rejects.toThrow(/authentication failed|no such user/i);
});

test("a switch costs the next application a second; the former one waits, and is served again after a rollback", async () => {
    // Its role may not log in yet, and the pooler has seen that a moment ago.
    await expect(ask(poolers.second)).rejects.toThrow(/not permitted to log in|login/);
    expect(await replica.run("switch", replica.plan(second, first))).toMatchObject({ status: 0 });
    const next = await served(poolers.second);
    expect(next.answer).toEqual({ role: "shop", text: second });
    // Far more than a second where the machine is busy, far less than the 15 of pgBouncer's own default.
    expect(next.away).toBeLessThan(8000);

    let answered = false;
    const waiting = ask(poolers.first).finally(() => {
        answered = true;
    });
    await sleep(2500);
    expect(answered).toBe(false);
    expect(await replica.run("switch", replica.plan(first, first))).toMatchObject({ status: 0 });
    const back = await served(poolers.first);
    expect(back.away).toBeLessThan(8000);
    expect(await waiting).toEqual({ role: "shop", text: first });
});
