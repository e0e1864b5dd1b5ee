/**
 * `npm run bench -- database`: how long a refresh of a database of about 1.5 GB takes in the ways that people use today,
 * and in ours. All of them are measured in turn, several times over, each with an empty page cache and until everything
 * is on the disk. Wants root, which alone may empty the page cache, and a quiet machine.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { loginRole, type Plan } from "../contract";
import { type DatabaseReport, databaseReport } from "../contract/report";
import { run } from "../dev/command";
import { startPublisher } from "../test/postgres/publisher";
import { type Replica, stampBefore, startReplica } from "../test/postgres/replica";
import { binaries, startServer, type TestServer } from "../test/postgres/server";
import { makeProduction } from "./database/production";
import { median, seconds } from "./measure";

const rounds = 3;

/** One way to load a backup. `load` gets a name that is of this round alone. */
interface Way {
    name: string;
    load(round: string): Promise<unknown>;
    /** Removes what a round has loaded. */
    clear(round: string): Promise<unknown>;
}

export async function database(): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "understudy-bench-"));
    const production = await startServer();
    const publisher = await startPublisher(production);
    // As servers that people use: everything is written through.
    const durable = { fsync: "on" };
    const [former, replica] = [await startServer(durable), await startReplica(durable)];
    try {
        await makeProduction(production);
        const hourly = join(publisher.store, "hourly");
        const publish = async (format: "directory" | "plain") => {
            await sleep(1000);
            const [stem = ""] = (await publisher.published((plan) => Object.assign(plan, { format }))).toReversed();
            return { path: join(hourly, stem), stamp: stampOf(stem) };
        };
        const [directory, plain] = [await publish("directory"), await publish("plain")];
        const stamps = { plain: plain.stamp, custom: stampBefore(3600), directory: directory.stamp };
        const [backup, custom] = [`${plain.path}.sql.gz`, join(hourly, `backup-${stamps.custom}-shop.dump`)];
        await shell(production, `pg_dump --format=custom --compress=1 --file='${custom}' shop`);
        await production.query("shop", "update pgbench_history set delta = delta + 1");
        const changed = await publish("directory");
        await former.query("postgres", "create role shop");
        console.log(`backup ${(statSync(backup).size / 1e6).toFixed(0)} MB, plain with gzip`);

        const ours = ownWay(replica, publisher.store, "plain", stamps.plain);
        const archives = (["custom", "directory"] as const).map((kind) =>
            ownWay(replica, publisher.store, kind, stamps[kind]),
        );
        const ways = [...formerWays(former, { backup, custom, directory: directory.path, folder }), ours, ...archives];
        const times = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
        for (let round = 0; round < rounds; round++) {
            for (const { name, load, clear } of ways) {
                const id = `round_${round}`;
                await run("sh", ["-c", "sync; echo 3 > /proc/sys/vm/drop_caches"]);
                const took = await seconds(async () => {
                    await load(id);
                    await run("sync", []);
                });
                times.get(name)?.push(took);
                await clear(id);
            }
        }
        for (const [name, all] of times) {
            const [least, most] = [Math.min(...all), Math.max(...all)].map((one) => one.toFixed(1));
            console.log(`${name}: ${median(all).toFixed(1)} s (${least} to ${most})`);
        }
        const of = (name: string) => median(times.get(name) ?? []);
        const [unpacked, piped, own] = [of("gunzip to a file, psql -f"), of("gunzip | psql"), of(ours.name)];
        const best = Math.min(...[ours, ...archives].map(({ name }) => of(name)));
        console.log(`R1 full refresh vs S0's flow: ${(unpacked / best).toFixed(2)} x (2.0)`);
        console.log(`R1b plain dump vs gunzip|psql: ${(piped / own).toFixed(2)} x (1.4)`);
        await others(replica, publisher.store, { from: stamps.directory, to: changed.stamp }, { own, unpacked });
    } finally {
        await Promise.all([former.stop(), replica.stop(), publisher.stop()]);
        rmSync(folder, { recursive: true });
    }
}

/** The ways that people use today, into an empty database. */
function formerWays(
    server: TestServer,
    { backup, custom, directory, folder }: Record<"backup" | "custom" | "directory" | "folder", string>,
): Way[] {
    const way = (name: string, command: (database: string) => string): Way => ({
        name,
        async load(round) {
            await server.query("postgres", `create database ${round} owner shop`);
            await shell(server, command(round));
        },
        clear: (round) => server.query("postgres", `drop database ${round}`),
    });
    const unpacked = join(folder, "unpacked.sql");
    const psql = "psql -X -q -v ON_ERROR_STOP=1";
    return [
        way(
            "gunzip to a file, psql -f",
            (to) =>
                `gunzip -c '${backup}' > '${unpacked}' && ${psql} -f '${unpacked}' ${to} >/dev/null && rm '${unpacked}'`,
        ),
        way("gunzip | psql", (to) => `gunzip -c '${backup}' | ${psql} ${to} >/dev/null`),
        way("pg_restore, custom", (to) => `pg_restore --dbname=${to} '${custom}'`),
        way("pg_restore -j2, directory", (to) => `pg_restore --jobs=2 --dbname=${to} '${directory}'`),
    ];
}

/** Ours, with every guard and proof: a generation is made and removed again. */
function ownWay(replica: Replica, store: string, kind: string, stamp: string): Way {
    const id = (round: string) => idOf(`${kind}${round}`);
    return {
        name: `understudy, ${kind}`,
        load: (round) => prepared(replica, planFor(replica, store, id(round), stamp)),
        clear: (round) => removed(replica, id(round)),
    };
}

/** What is asked of a refresh besides its speed: `from` is a backup, and `to` one in which a twentieth is in other tables. */
async function others(
    replica: Replica,
    store: string,
    { from, to }: { from: string; to: string },
    { own, unpacked }: { own: number; unpacked: number },
): Promise<void> {
    const { server } = replica;
    const withBase = (id: string, stamp: string) =>
        planFor(replica, store, id, stamp, (plan) => {
            plan.database.keepBase = true;
        });
    const memory = { peak: 0 };
    const first = withBase(idOf("first"), from);
    await prepared(replica, first, memory);
    expectDone(await replica.run("prepare-media", first));
    expectDone(await replica.run("switch", first));

    const reloaded = await timed((round) => withBase(idOf(`reload ${round}`), to));
    const [report] = await reportsOf(idOf(`reload ${rounds - 1}`));
    if (report?.reloaded?.join() !== "public.pgbench_history") {
        throw new Error(`The tables that were reloaded are ${report?.reloaded?.join(", ") ?? "all"}.`);
    }
    console.log(`R5 5 % of the data in changed tables vs S0's flow: ${(unpacked / median(reloaded)).toFixed(1)} x (5)`);

    const cloned = await timed((round) => withBase(idOf(`clone ${round}`), from));
    const next = withBase(idOf(`clone ${rounds - 1}`), from);
    console.log(`R2 database away: ${(await away(server, () => replica.run("switch", next))).toFixed(3)} s (0.2)`);
    console.log(`R3 next copy by clone vs restore: ${(own / median(cloned)).toFixed(1)} x (6)`);

    const position = async () =>
        (await server.query("postgres", "select pg_current_wal_insert_lsn() - '0/0' as at"))[0]?.at;
    const before = Number(await position());
    const nothing = await seconds(() => prepared(replica, next));
    console.log(
        `R4 repeat with nothing new: ${nothing.toFixed(2)} s (2), bytes written ${Number(await position()) - before} (0)`,
    );

    const [{ phases } = { phases: [] }] = await reportsOf(idOf("first"));
    const proof = phases.filter(({ name }) => name === "prove").reduce((sum, phase) => sum + phase.seconds, 0);
    const rest = phases.filter(({ name }) => name !== "prove").reduce((sum, phase) => sum + phase.seconds, 0);
    console.log(`R6 proof costs ${((100 * proof) / rest).toFixed(0)} % (25)`);
    console.log(`memory peak ${memory.peak.toFixed(0)} MiB (256)`);

    /** Seconds that copies take, one after the other; the last one stays. */
    async function timed(planOf: (round: number) => Plan): Promise<number[]> {
        const times: number[] = [];
        for (let round = 0; round < rounds; round++) {
            const plan = planOf(round);
            await run("sh", ["-c", "sync; echo 3 > /proc/sys/vm/drop_caches"]);
            times.push(
                await seconds(async () => {
                    await prepared(replica, plan);
                    await run("sync", []);
                }),
            );
            if (round < rounds - 1) {
                await removed(replica, plan.database.generation);
            }
        }
        return times;
    }

    async function reportsOf(id: string): Promise<DatabaseReport[]> {
        const rows = await server.query("postgres", `select report from understudy.generation where id = '${id}'`);
        return rows.map(({ report }) => databaseReport.parse(report));
    }
}

/** The longest time between two answers to eight clients that query, and reconnect, all the time. */
async function away(server: TestServer, work: () => Promise<unknown>): Promise<number> {
    const going = { on: true };
    const clients = Array.from({ length: 8 }, async () => {
        let [last, longest] = [performance.now(), 0];
        while (going.on) {
            const client = new Client({
                host: "127.0.0.1",
                port: server.port,
                user: "postgres",
                password: server.password,
                database: "shop",
            });
            client.on("error", () => undefined);
            try {
                await client.connect();
                while (going.on) {
                    await client.query("select 1");
                    longest = Math.max(longest, performance.now() - last);
                    last = performance.now();
                }
            } catch {
                // Put out by the switch: connect again at once, as a pool does.
            } finally {
                await client.end().catch(() => undefined);
            }
        }
        return longest;
    });
    await work();
    going.on = false;
    return Math.max(...(await Promise.all(clients))) / 1000;
}

/** The stamp in a backup's name. */
function stampOf(stem: string): string {
    return /^backup-(.*Z)-shop$/.exec(stem)?.[1] ?? "";
}

/** An id that follows from a round's name. */
function idOf(round: string): string {
    return Buffer.from(round.padEnd(5, "0")).toString("hex").slice(-10);
}

function planFor(
    replica: Replica,
    store: string,
    id: string,
    stamp: string,
    change: (plan: Plan) => void = () => undefined,
): Plan {
    return replica.plan(id, idOf("media"), (plan) => {
        plan.database.capacity = 2 ** 36;
        plan.database.backups = store;
        plan.database.backup = stamp;
        // What the publisher's workload runs.
        plan.imageTag = "2026.10.1";
        change(plan);
    });
}

async function prepared(replica: Replica, plan: Plan, memory?: { peak: number }): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const started = ({ pid = 0 }: { pid?: number }) => {
        timer = setInterval(() => {
            if (memory !== undefined) {
                memory.peak = Math.max(memory.peak, peakOf(pid));
            }
        }, 200);
    };
    try {
        expectDone(await replica.run("prepare-database", plan, { started }));
    } finally {
        clearInterval(timer);
    }
}

/** The most that a process has had in memory so far, in MiB. */
function peakOf(pid: number): number {
    try {
        return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
    } catch {
        return 0;
    }
}

async function removed({ server }: Replica, id: string): Promise<void> {
    await server.query("postgres", `drop database shop__${id}`);
    await server.query("postgres", `drop role "${loginRole([{ name: "shop" }], id)}"`);
    await server.query("postgres", `delete from understudy.generation where id = '${id}'`);
}

function expectDone({ status, sentence }: { status: number | null; sentence: string }): void {
    if (status !== 0) {
        throw new Error(sentence);
    }
}

/** Runs a shell's line with PostgreSQL's own tools, as the superuser of a server. */
function shell(server: TestServer, line: string): Promise<void> {
    const env = {
        PATH: `${binaries}:${process.env.PATH}`,
        PGHOST: "127.0.0.1",
        PGPORT: String(server.port),
        PGUSER: "postgres",
        PGPASSWORD: server.password,
    };
    const child = spawn("bash", ["-o", "pipefail", "-c", line], { env, stdio: ["ignore", "ignore", "inherit"] });
    return new Promise((resolve, reject) =>
        child.on("close", (status) => (status === 0 ? resolve() : reject(new Error(`${line}: status ${status}`)))),
    );
}
