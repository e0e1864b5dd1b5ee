import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { installPostgres18 } from "../../dev/postgres";
import { startReplica } from "../../test/postgres/replica";
import { startServer } from "../../test/postgres/server";
import { makeVolume } from "../../test/postgres/volume";
import { type NextCopies, nextCopies } from "./next";
import { type Backups, formerWays, medianOf, ownWay, timesOf, unpackedFirst } from "./ways";

/** Bytes of the volume: today's copy, ours in use, two further ones and the base of all. */
const size = 2 ** 34;

/** What was measured where files can share blocks. */
export interface OnReflink extends NextCopies {
    /** Median seconds of S0's flow, and of our restore of the same plain backup. */
    unpacked: number;
    own: number;
}

/**
 * Measures with PostgreSQL 18 on an XFS of its own, which is removed afterwards.
 *
 * @returns why not, where this machine cannot have that
 */
export async function onReflink(
    store: string,
    backups: Backups,
    stamps: { plain: string; from: string; to: string },
): Promise<OnReflink | string> {
    const volume = await makeVolume(size).catch((error: Error) => error.message);
    if (typeof volume === "string") {
        return volume;
    }
    try {
        const [installed, unpackedTo] = [join(volume.folder, "postgres"), join(volume.folder, "unpacked")];
        mkdirSync(installed);
        mkdirSync(unpackedTo);
        const programs = await installPostgres18(installed).catch((error: Error) => error);
        if (programs instanceof Error) {
            return programs.message;
        }
        const durable = { fsync: "on" };
        const former = await startServer(durable, volume.folder, programs);
        const replica = await startReplica(durable, volume.folder, programs);
        try {
            await former.query("postgres", "create role shop");
            const ours = ownWay(replica, store, "plain", stamps.plain);
            const today = formerWays(former, backups, unpackedTo).filter(({ name }) => name === unpackedFirst);
            const times = await timesOf([...today, ours]);
            const [unpacked, own] = [unpackedFirst, ours.name].map((name) => medianOf(times, name));
            return { unpacked: unpacked ?? 0, own: own ?? 0, ...(await nextCopies(replica, store, stamps)) };
        } finally {
            await Promise.all([former.stop(), replica.stop()]);
        }
    } finally {
        await volume.remove();
    }
}
