/**
 * `npm run bench -- mysql`: how long a refresh of a database of MariaDB takes that is dumped as 1 GB of SQL, in the way that
 * people use today, `gunzip | mariadb`, and in ours with every guard and proof. Both are measured in turn, several times
 * over, each with an empty page cache and until everything is on the disk. Wants root and a quiet machine.
 */
import type { ChildProcess } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { MysqlPlan } from "../contract/mysql";
import { type MariaDb, startMariaDb } from "../dev/mariadb";
import { login, type MysqlReplica, stampBefore, startMysqlReplica } from "../test/mysql/replica";
import { describeTimes, median, notePeak, rounds, type Taken, taken } from "./measure";
import { makeProduction } from "./mysql/production";

/** As servers that people use: everything is written through, and there is memory for it. */
const durable = { innodb_flush_log_at_trx_commit: "1", innodb_buffer_pool_size: "512M", innodb_log_file_size: "256M" };

const media = "00000000aa";

export async function mysql(): Promise<void> {
    const production = await startMariaDb({ innodb_buffer_pool_size: "512M" });
    const [former, replica] = [await startMariaDb(durable), await startMysqlReplica(durable)];
    try {
        await makeProduction(production);
        const stamp = stampBefore(3600);
        const backup = join(replica.folder, "store/hourly", `backup-${stamp}-shop.sql.gz`);
        await production.shell(
            `mariadb-dump --no-defaults --user=root --single-transaction --routines --triggers --events shop | tee >(wc -c >&2) | gzip -1 > '${backup}'`,
        );
        await production.stop();
        console.log(`backup ${(statSync(backup).size / 1e6).toFixed(0)} MB, plain with gzip`);

        const memory = { peak: 0 };
        const times: Record<"piped" | "own", Taken[]> = { piped: [], own: [] };
        let last: MysqlPlan | undefined;
        for (let round = 0; round < rounds; round++) {
            times.piped.push(await taken(() => piped(former, backup)));
            await former.query(undefined, "drop database shop");
            last = replica.plan(`00000000b${round}`, media);
            times.own.push(await taken(() => done(replica, "prepare-database", last as MysqlPlan, memory)));
            if (round < rounds - 1) {
                await removed(replica, last.database.generation);
            }
        }
        console.log(`gunzip | mariadb: ${describeTimes(times.piped)}`);
        console.log(`understudy: ${describeTimes(times.own)}`);
        const of = (all: Taken[]) => median(all.map(({ seconds }) => seconds));
        console.log(`Y1 full refresh: ${(of(times.piped) / of(times.own)).toFixed(2)} x (1.5)`);
        await tellAway(replica, last as MysqlPlan);
        console.log(`memory peak ${memory.peak.toFixed(0)} MiB (256)`);
    } finally {
        await Promise.all([former.stop(), replica.stop()]);
    }
}

async function piped({ query, shell }: MariaDb, backup: string): Promise<void> {
    await query(undefined, "create database shop character set utf8mb4");
    await shell(`gunzip -c '${backup}' | mariadb --no-defaults --user=root --default-character-set=utf8mb4 shop`);
}

async function done(
    replica: MysqlReplica,
    command: "prepare-database" | "prepare-media" | "switch",
    plan: MysqlPlan,
    memory?: { peak: number },
): Promise<void> {
    const started = (child: ChildProcess) => {
        if (memory !== undefined) {
            notePeak(child, memory);
        }
    };
    const { status, sentence } = await replica.run(command, plan, { started });
    if (status !== 0) {
        throw new Error(sentence);
    }
}

async function removed({ server }: MysqlReplica, id: string): Promise<void> {
    await server.query(
        undefined,
        `drop database shop__${id}; drop user understudy_${id}; delete from understudy.generation where id = '${id}'`,
    );
}

/** The longest time between two answers to eight clients of the application that ask, and connect again, all the time. */
async function tellAway(replica: MysqlReplica, next: MysqlPlan): Promise<void> {
    // A small copy is live before, so that it is a switch and no first one.
    const former = replica.plan("00000000c0", media, ({ database }) => {
        database.backup = next.database.backup;
    });
    await done(replica, "prepare-media", former);
    await done(replica, "prepare-database", former);
    await done(replica, "switch", former);
    const going = { on: true };
    const clients = Array.from({ length: 8 }, () => longestWait(replica.server, going));
    await done(replica, "switch", next);
    going.on = false;
    console.log(`Y2 database away: ${(Math.max(...(await Promise.all(clients))) / 1000).toFixed(3)} s (0.2)`);
}

async function longestWait({ connect }: MariaDb, going: { on: boolean }): Promise<number> {
    let [last, longest] = [performance.now(), 0];
    while (going.on) {
        const connection = await connect("shop", login).catch(() => undefined);
        try {
            while (connection !== undefined && going.on) {
                await connection.query("select name from vendor where id = 1");
                longest = Math.max(longest, performance.now() - last);
                last = performance.now();
            }
        } catch {
            // Put out by the switch: connect again at once, as a pool does.
        } finally {
            connection?.destroy();
        }
    }
    return longest;
}
