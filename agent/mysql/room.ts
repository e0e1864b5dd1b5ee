import type { Connection } from "mysql2/promise";
import type { Backup } from "../backup/catalogue";
import { Refusal } from "../refusal";
import { formatBytes } from "../report";
import { rowsOf } from "./rows";

/** What {@link refuseWithoutRoom} compares. */
export interface Room {
    /** Size of the volume under the server, in bytes. */
    capacity: number;
    backups: Pick<Backup, "bytes">[];
    /** Bytes that the copy had in production, if its manifests tell. */
    known: number | undefined;
    /** Databases of the live copy, if it is there. */
    live: string[];
    /** Databases that the run will drop first. */
    leftovers: string[];
}

/** A plain dump shrinks to about a tenth of its database with gzip; indexes make up for what compresses better. */
const expansion = 10;

/** Refuses when a second copy would not fit. */
export async function refuseWithoutRoom(
    admin: Connection,
    { capacity, backups, known, live, leftovers }: Room,
): Promise<void> {
    const sizes = await sizesOf(admin);
    const sum = (names: string[]) => names.reduce((total, name) => total + (sizes.get(name) ?? 0), 0);
    const used = sum([...sizes.keys()].filter((name) => !leftovers.includes(name)));
    const estimate = live.length > 0 ? sum(live) : expansion * backups.reduce((total, { bytes }) => total + bytes, 0);
    const needed = known ?? estimate;
    const left = Math.max(0, capacity - used);
    if (left < needed) {
        const guess = live.length > 0 ? "the size of the live copy" : `${expansion} times the backup's file`;
        throw new Refusal(
            `There is no room for another copy: it needs about ${formatBytes(needed)} (${known === undefined ? guess : "what it had in production"}), ` +
                `and ${formatBytes(left)} of ${formatBytes(capacity)} are left (databases ${formatBytes(used)}): raise ` +
                "database.volume, or lower database.keepGenerations.",
        );
    }
}

/** Bytes that are left on the volume under the server, as it estimates its tables. */
export async function roomLeft(admin: Connection, capacity: number): Promise<number> {
    const used = [...(await sizesOf(admin)).values()].reduce((total, bytes) => total + bytes, 0);
    return Math.max(0, capacity - used);
}

async function sizesOf(admin: Connection): Promise<Map<string, number>> {
    const rows = await rowsOf<{ name: string; bytes: string | number | null }>(
        admin,
        `select table_schema as name, sum(data_length + index_length) as bytes
           from information_schema.tables where table_type <> 'VIEW' group by table_schema`,
    );
    return new Map(rows.map(({ name, bytes }) => [name, Number(bytes ?? 0)]));
}
