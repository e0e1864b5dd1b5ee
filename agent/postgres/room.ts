import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { Refusal } from "../refusal";
import { formatBytes } from "../report";

/** What {@link refuseWithoutRoom} compares, in bytes. */
export interface Room {
    /** Size of the volume under the server. */
    capacity: number;
    /** How many copies are made: a base stays beside the generation. */
    copies: number;
    /** All databases on it, without those that the run will drop first. */
    used: number;
    /** What the copy had in production, if its manifest tells. */
    known?: number;
    /** Size of the live copy, if all of its databases are there. */
    live?: number;
    /** Size of the backup's files. */
    backup: number;
    /** Write-ahead log that is there, and what it may grow to. */
    wal: number;
    maximumWal: number;
}

/** A plain dump shrinks to about a tenth of its database with gzip; indexes make up for what compresses better. */
const expansion = 10;

/** Refuses when a second copy would not fit. */
export function refuseWithoutRoom({ capacity, copies, used, known, live, backup, wal, maximumWal }: Room): void {
    const needed = copies * (known ?? live ?? backup * expansion);
    // A load writes about as much log as data, and the server removes it beyond its own limit.
    const reserve = Math.max(wal, Math.min(maximumWal, needed));
    const left = Math.max(0, capacity - used - reserve);
    if (left < needed) {
        const estimate = live === undefined ? `${expansion} times the backup's file` : "the size of the live copy";
        const reason = known === undefined ? estimate : "what it had in production";
        throw new Refusal(
            `There is no room for another copy${copies > 1 ? " and a base of it" : ""}: it needs about ${formatBytes(needed)} (${reason}), and ` +
                `${formatBytes(left)} of ${formatBytes(capacity)} are left (databases ${formatBytes(used)}, log ` +
                `${formatBytes(reserve)}): raise database.volume, or lower database.keepGenerations${copies > 1 ? ", or leave out database.keepBase" : ""}.`,
        );
    }
}

/** Bytes that are left on the volume under the server. */
export async function roomLeft(admin: Client, capacity: number): Promise<number> {
    const { used, wal } = await readRoom(admin, [], []);
    // What sorting for an index needs is no database's.
    const { rows } = await admin.query<{ bytes: string }>("select coalesce(sum(size), 0) as bytes from pg_ls_tmpdir()");
    return Math.max(0, capacity - used - wal - Number(rows[0]?.bytes));
}

/** Bytes that are never filled: what the server writes while a load is being ended. */
const reserve = 64 * 2 ** 20;

/** Milliseconds between two looks at what is left. */
const interval = 1_000;

/**
 * Works as long as there is room under the server. A full volume takes the server down, and what is in use with it.
 *
 * @param volume `capacity` in bytes, unless nobody tells, and the names of the backups that the copy is made of
 * @param work is told by its signal when it has to end, for want of room or because the run is stopped
 * @throws {Error} that says so, when room has run out
 */
export async function whileRoom<T>(
    admin: Client,
    { capacity, backups }: { capacity: number | undefined; backups: { name: string }[] },
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
    if (capacity === undefined) {
        return work(signal);
    }
    const low = new AbortController();
    const ended = new AbortController();
    const watching = (async () => {
        while (!ended.signal.aborted) {
            // A server that does not answer has other troubles, of which others tell.
            const left = await roomLeft(admin, capacity).catch(() => Number.POSITIVE_INFINITY);
            if (left < reserve) {
                low.abort(new Error(fullSentence(backups, left, capacity)));
            }
            await sleep(interval, undefined, { signal: ended.signal }).catch(() => undefined);
        }
    })();
    try {
        return await work(AbortSignal.any([signal, low.signal]));
    } finally {
        ended.abort();
        await watching;
    }
}

function fullSentence(backups: { name: string }[], left: number, capacity: number): string {
    const names = [...new Set(backups.map(({ name }) => name))].join(", ");
    return (
        `The copy of ${names} is larger than was to be expected: of the ${formatBytes(capacity)} under the server ` +
        `${formatBytes(left)} are left, and a full volume would stop the server. Raise database.volume, or lower ` +
        "database.keepGenerations."
    );
}

/** What stays unknown where nobody tells the size of the volume under the server. */
export function unknownRoom(capacity: number | undefined): string[] {
    return capacity === undefined
        ? ["whether the server has room for another copy: the size of its volume is not known"]
        : [];
}

/** Reads what the server knows of it. */
export async function readRoom(
    admin: Client,
    names: string[],
    leftovers: string[],
): Promise<Omit<Room, "capacity" | "copies" | "known" | "backup">> {
    const { rows } = await admin.query<{ used: string; live: string | null; wal: string; maximum: string }>(
        `select sum(pg_database_size(oid)) filter (where datname <> all ($2)) as used,
                case when count(*) filter (where datname = any ($1::text[])) = cardinality($1::text[])
                    then sum(pg_database_size(oid)) filter (where datname = any ($1::text[])) end as live,
                (select coalesce(sum(size), 0) from pg_ls_waldir()) as wal,
                pg_size_bytes(current_setting('max_wal_size')) as maximum
           from pg_database`,
        [names, leftovers],
    );
    const { used = "0", live: size = null, wal = "0", maximum = "0" } = rows[0] ?? {};
    return {
        used: Number(used),
        ...(size !== null && { live: Number(size) }),
        wal: Number(wal),
        maximumWal: Number(maximum),
    };
}
