import type { Connection } from "mysql2/promise";
import type { DatabaseIdentity, IdentityReport } from "../../../contract/identity";
import { quoted, rowsOf } from "../rows";

/** What numbers rows: a table's column, or a sequence. Both are called by the table's name. */
interface Counter {
    name: string;
    isSequence: boolean;
    next: bigint;
    last: bigint;
}

/** The largest number of a type. */
const largest: Record<string, bigint> = {
    tinyint: 127n,
    smallint: 32_767n,
    mediumint: 8_388_607n,
    int: 2_147_483_647n,
    bigint: 9_223_372_036_854_775_807n,
};

/** Names in a floor of which nothing counts, in sentences. */
export async function strangeCounters(connection: Connection, floor: DatabaseIdentity["floor"]): Promise<string[]> {
    const names = typeof floor === "object" ? Object.keys(floor) : [];
    const known = names.length === 0 ? new Set() : new Set((await countersOf(connection)).map(({ name }) => name));
    return names
        .filter((name) => !known.has(name))
        .map((name) => `identity.sequences.floor names ${name}, and no such table has an AUTO_INCREMENT column`);
}

/**
 * Raises what numbers rows, so that what is made here never has a number of production's. One that ends before stays as it is.
 *
 * @param connection in the database
 */
export async function raiseCounters(
    connection: Connection,
    floor: NonNullable<DatabaseIdentity["floor"]>,
): Promise<Pick<IdentityReport, "raised" | "tooShort">> {
    const told = { raised: 0, tooShort: [] as string[] };
    for (const { name, isSequence, next, last } of await countersOf(connection)) {
        const least = BigInt(typeof floor === "number" ? floor : (floor[name] ?? 0));
        if (last < least) {
            told.tooShort.push(name);
        } else if (next < least) {
            await connection.query(
                isSequence
                    ? `alter sequence ${quoted(name)} restart with ${least}`
                    : `alter table ${quoted(name)} auto_increment = ${least}`,
            );
            told.raised += 1;
        }
    }
    return told;
}

async function countersOf(connection: Connection): Promise<Counter[]> {
    const tables = await rowsOf<{ name: string; type: string; base: string; next: string }>(
        connection,
        `select t.table_name as name, c.column_type as type, c.data_type as base, cast(ifnull(t.auto_increment, 1) as char) as next
           from information_schema.tables t join information_schema.columns c using (table_schema, table_name)
          where t.table_schema = database() and c.extra like '%auto_increment%' order by 1`,
    );
    const sequences = await rowsOf<{ name: string }>(
        connection,
        `select table_name as name from information_schema.tables
          where table_schema = database() and table_type = 'SEQUENCE' order by 1`,
    );
    const counters = tables.map(({ name, type, base, next }) => ({
        name,
        isSequence: false,
        next: BigInt(next),
        last: (largest[base] ?? 0n) * (/unsigned/.test(type) ? 2n : 1n),
    }));
    for (const { name } of sequences) {
        const [found] = await rowsOf<{ next: string; last: string; up: number }>(
            connection,
            `select cast(next_not_cached_value as char) as next, cast(maximum_value as char) as last, increment > 0 as up
               from ${quoted(name)}`,
        );
        if (found?.up === 1) {
            counters.push({ name, isSequence: true, next: BigInt(found.next), last: BigInt(found.last) });
        }
    }
    return counters;
}
