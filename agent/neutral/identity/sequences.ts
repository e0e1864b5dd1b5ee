import { type Client, escapeIdentifier as name } from "pg";
import type { DatabaseIdentity, IdentityReport } from "../../../contract/identity";
import { type Column, tableOf } from "../mask/columns";

/** A sequence that goes up. */
interface Sequence {
    oid: number;
    /** With its schema, unless that is `public`. */
    name: string;
    next: string;
    last: string;
}

/** Names in a floor of which there is no sequence that goes up, in sentences. */
export async function strangeSequences(client: Client, floor: DatabaseIdentity["floor"]): Promise<string[]> {
    const known = typeof floor === "object" ? new Set((await sequencesOf(client)).map(({ name }) => name)) : new Set();
    const strange = typeof floor === "object" ? Object.keys(floor).filter((name) => !known.has(name)) : [];
    return strange.map((name) => `identity.sequences.floor names ${name}, and there is no such sequence that goes up`);
}

/**
 * Raises sequences, so that what is made here never has a number of production's. One that ends before stays as it is.
 *
 * @param client superuser's
 */
export async function raiseSequences(
    client: Client,
    floor: NonNullable<DatabaseIdentity["floor"]>,
): Promise<Pick<IdentityReport, "raised" | "tooShort">> {
    const told = { raised: 0, tooShort: [] as string[] };
    for (const { oid, name, next, last } of await sequencesOf(client)) {
        const least = typeof floor === "number" ? floor : (floor[name] ?? 0);
        if (BigInt(last) < least) {
            told.tooShort.push(name);
        } else if (BigInt(next) < least) {
            await client.query("select setval($1::oid::regclass, $2, false)", [oid, least]);
            told.raised += 1;
        }
    }
    return told;
}

/**
 * Raises the sequences of a table's columns above what is in them: rows that were not made with them are there as well.
 *
 * @param client superuser's
 */
export async function raiseAbove(client: Client, columns: Column[]): Promise<void> {
    for (const column of columns) {
        const { rows } = await client.query<{ sequence: string | null }>(
            "select pg_get_serial_sequence($1, $2) as sequence",
            [`${name(column.schema)}.${name(column.table)}`, column.name],
        );
        if (rows[0]?.sequence != null) {
            await client.query(
                `select setval($1::regclass, highest) from (select max(${name(column.name)}) as highest from ${tableOf(column)}) as held
                  where highest > coalesce(pg_sequence_last_value($1::regclass), 0)`,
                [rows[0].sequence],
            );
        }
    }
}

async function sequencesOf(client: Client): Promise<Sequence[]> {
    const { rows } = await client.query<Sequence>(
        `select c.oid, case when nspname = 'public' then relname else nspname || '.' || relname end as name,
                coalesce(pg_sequence_last_value(c.oid), seqstart - 1)::numeric + 1 as next, seqmax as last
           from pg_sequence join pg_class c on c.oid = seqrelid join pg_namespace n on n.oid = relnamespace
          where seqincrement > 0 and nspname !~ '^pg_' order by 2`,
    );
    return rows;
}
