/**
 * `npm run bench -- database`: how long a refresh of a database of about 1.5 GB takes in the ways that people use today,
 * and in ours. All of them are measured in turn, several times over, each with an empty page cache and until everything
 * is on the disk. Wants root, which alone may empty the page cache and mount the XFS that the last lines are about, and
 * a quiet machine.
 */
import { cpSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startPublisher } from "../test/postgres/publisher";
import { type Replica, stampBefore, startReplica } from "../test/postgres/replica";
import { startServer } from "../test/postgres/server";
import { away } from "./database/away";
import { prepared } from "./database/copies";
import { type NextCopies, nextCopies } from "./database/next";
import { makeProduction } from "./database/production";
import { onReflink } from "./database/reflink";
import { formerWays, medianOf, ownWay, piped, shell, timesOf, unpackedFirst } from "./database/ways";
import { describeTimes, seconds } from "./measure";

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
        const stamps = {
            ...{ plain: plain.stamp, directory: directory.stamp },
            ...{ custom: stampBefore(3600), "directory without manifest": stampBefore(3601) },
        };
        const custom = join(hourly, `backup-${stamps.custom}-shop.dump`);
        const backups = { backup: `${plain.path}.sql.gz`, custom, directory: directory.path };
        await shell(production, `pg_dump --format=custom --compress=1 --file='${custom}' shop`);
        // The same folder without its manifest: nothing can be compared with it but the number of rows.
        cpSync(directory.path, join(hourly, `backup-${stamps["directory without manifest"]}-shop`), {
            recursive: true,
        });
        await production.query("shop", "update pgbench_history set delta = delta + 1");
        const changed = await publish("directory");
        await former.query("postgres", "create role shop");
        console.log(`backup ${(statSync(backups.backup).size / 1e6).toFixed(0)} MB, plain with gzip`);

        const kinds = ["plain", "custom", "directory", "directory without manifest"] as const;
        const ours = kinds.map((kind) => ownWay(replica, publisher.store, kind, stamps[kind]));
        const times = await timesOf([...formerWays(former, backups, folder), ...ours]);
        for (const [name, all] of times) {
            console.log(`${name}: ${describeTimes(all)}`);
        }
        const of = (name: string) => medianOf(times, name);
        const [own = 0, archive = 0, proven = 0, bare = 0] = ours.map(({ name }) => of(name));
        const unpacked = of(unpackedFirst);
        console.log(`R1 full refresh vs S0's flow: ${(unpacked / Math.min(own, archive, proven)).toFixed(2)} x (2.0)`);
        console.log(`R6 proof costs ${(100 * (proven / bare - 1)).toFixed(0)} % (25)`);
        console.log(`R1b plain dump vs gunzip|psql: ${(of(piped) / own).toFixed(2)} x (1.4)`);

        const pair = { from: stamps.directory, to: changed.stamp };
        const next = await nextCopies(replica, publisher.store, pair);
        await tellOfUse(replica, next);
        tellOfNext("", { clone: 6, reload: 5 }, { ...next, own, unpacked });
        const there = await onReflink(publisher.store, backups, { ...pair, plain: stamps.plain });
        const place = ", XFS and PostgreSQL 18";
        if (typeof there === "string") {
            console.log(`R3 and R5${place}: not measured. ${there}`);
        } else {
            tellOfNext(place, { clone: 100, reload: 15 }, there);
        }
    } finally {
        await Promise.all([former.stop(), replica.stop(), publisher.stop()]);
        rmSync(folder, { recursive: true });
    }
}

/** What the next copies take beside what a restore takes, with where the time of one goes. */
function tellOfNext(
    place: string,
    goals: Record<"clone" | "reload", number>,
    next: NextCopies & Record<"own" | "unpacked", number>,
): void {
    const { clone, cloned, reload, reloaded, own, unpacked } = next;
    console.log(
        `R3 next stack by clone vs restore${place}: ${(own / clone).toFixed(1)} x (${goals.clone}); ` +
            `${clone.toFixed(2)} s, of which ${cloned}`,
    );
    console.log(
        `R5 5 % of the data in changed tables vs S0's flow${place}: ${(unpacked / reload).toFixed(1)} x (${goals.reload}); ` +
            `${reload.toFixed(2)} s, of which ${reloaded}`,
    );
}

/** What a copy costs those who use the database, and what its repetition costs. */
async function tellOfUse(replica: Replica, { last, memory }: NextCopies): Promise<void> {
    const { server } = replica;
    console.log(`R2 database away: ${(await away(server, () => replica.run("switch", last))).toFixed(3)} s (0.2)`);

    const position = async () =>
        (await server.query("postgres", "select pg_current_wal_insert_lsn() - '0/0' as at"))[0]?.at;
    const before = Number(await position());
    const nothing = await seconds(() => prepared(replica, last));
    console.log(
        `R4 repeat with nothing new: ${nothing.toFixed(2)} s (2), bytes written ${Number(await position()) - before} (0)`,
    );

    console.log(`memory peak ${memory.toFixed(0)} MiB (256)`);
}

/** The stamp in a backup's name. */
function stampOf(stem: string): string {
    return /^backup-(.*Z)-shop$/.exec(stem)?.[1] ?? "";
}
