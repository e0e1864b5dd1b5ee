import { type Client, escapeIdentifier } from "pg";
import type { DumpedDatabase } from "../../contract/manifest";
import type { DatabaseReport } from "../../contract/report";
import { plural } from "../report";
import type { Tally } from "./tally";

/** What was counted on the server, and what that proves. */
export type Proof = Pick<DatabaseReport, "tables" | "largeObjects" | "sequences" | "proof" | "unknown">;

/** What is known of the backup before its rows are counted. */
export interface Evidence {
    /** What was proven of its files. */
    whole: string[];
    /** What nobody can know of them. */
    unknown: string[];
    /** What its manifest says of the database, if it has one. */
    facts?: DumpedDatabase;
}

/**
 * Compares the restored database with what the dump held. Nothing of the dump runs any more, and only plain tables
 * and sequences are read: a view would run its functions as superuser.
 *
 * @throws {Error} one sentence for the first difference, or when something cannot be compared
 */
export async function prove(client: Client, tally: Tally, { whole, unknown, facts }: Evidence): Promise<Proof> {
    const tables = await proveRows(client, tally.rows);
    const largeObjects = await proveLargeObjects(client, tally.largeObjects);
    const sequences = await proveSequences(client, tally);
    const rows = Object.values(tables).reduce((sum, count) => sum + count, 0);
    return {
        tables,
        largeObjects,
        sequences,
        proof: [
            ...whole,
            "the dump has its closing line",
            `${plural(rows, "row")} in ${plural(tally.rows.size, "table")} counted on the server, as many as in the dump`,
            `${plural(largeObjects, "large object")} counted, as many as in the dump`,
            `${plural(sequences, "sequence")} stand where the dump set them`,
            ...(facts === undefined ? [] : [proveFacts(facts, tally)]),
        ],
        unknown: [
            ...unknown,
            ...(tally.inserts === 0
                ? []
                : [`the rows of ${plural(tally.inserts, "INSERT statement")}: only COPY tells how many there are`]),
        ],
    };
}

/** Compares the dump, as it was counted, with what production's side has written down about it. */
function proveFacts({ tables, sequences }: DumpedDatabase, { rows, positions }: Tally): string {
    for (const name of new Set([...Object.keys(tables), ...rows.keys()])) {
        const [found = 0, expected = 0] = [rows.get(name), tables[name]?.rows];
        if (found !== expected) {
            throw new Error(
                `The dump holds ${plural(found, "row")} of table ${name}, and its manifest names ` +
                    `${expected.toLocaleString("en-US")}: the copy is not used.`,
            );
        }
    }
    for (const [name, { value, called }] of Object.entries(sequences)) {
        const found = positions.get(name);
        if (found?.value !== value || found.called !== called) {
            throw new Error(`The dump does not set sequence ${name} as its manifest says: the copy is not used.`);
        }
    }
    return "rows and sequences are those that the manifest names";
}

/**
 * Counts a clone's rows and large objects, and compares them with those of the backup that its base was restored from.
 *
 * @throws {Error} one sentence for the first difference
 */
export async function proveClone(client: Client, report: DatabaseReport): Promise<Proof> {
    const tables = await proveRows(client, new Map(Object.entries(report.tables)));
    const largeObjects = await proveLargeObjects(client, report.largeObjects);
    const rows = Object.values(tables).reduce((sum, count) => sum + count, 0);
    return {
        tables,
        largeObjects,
        sequences: report.sequences,
        proof: [
            "cloned from a base that was restored from this very backup and proven: its SHA-256 fits",
            `${plural(rows, "row")} in ${plural(Object.keys(tables).length, "table")} counted on the server, as many as in the dump`,
            `${plural(largeObjects, "large object")} counted, as many as in the dump`,
        ],
        unknown: report.unknown,
    };
}

async function proveRows(client: Client, rows: Map<string, number>): Promise<Record<string, number>> {
    const tables: Record<string, number> = {};
    for (const [name, expected] of rows) {
        const { kind, identifier } = await relation(client, name);
        if (kind !== "r" && kind !== "p") {
            throw new Error(`The rows of ${name} could not be counted: it is not a table after the restore.`);
        }
        // A table's own rows: those of its heirs have a COPY statement of their own.
        const from = kind === "r" ? `only ${identifier}` : identifier;
        const counted = await client.query<{ count: string }>(`select count(*) from ${from}`);
        const count = Number(counted.rows[0]?.count);
        if (count !== expected) {
            throw new Error(
                `Table ${name} has ${plural(count, "row")} after the restore, but the dump held ` +
                    `${expected.toLocaleString("en-US")}: the copy is not used.`,
            );
        }
        tables[name] = count;
    }
    return tables;
}

async function proveLargeObjects(client: Client, largeObjects: number): Promise<number> {
    const counted = await client.query<{ count: string }>("select count(*) from pg_largeobject_metadata");
    const count = Number(counted.rows[0]?.count);
    if (count !== largeObjects) {
        throw new Error(
            `There are ${plural(count, "large object")} after the restore, but the dump held ${largeObjects}: ` +
                "the copy is not used.",
        );
    }
    return count;
}

async function proveSequences(client: Client, { positions }: Tally): Promise<number> {
    for (const { sequence, value, called } of positions.values()) {
        const { kind, identifier } = await relation(client, sequence);
        if (kind !== "S") {
            throw new Error(`The sequence ${sequence} could not be checked: it is not there after the restore.`);
        }
        const found = await client.query<{ value: string; called: boolean }>(
            `select last_value::text as value, is_called as called from ${identifier}`,
        );
        if (found.rows[0]?.value !== value || found.rows[0].called !== called) {
            throw new Error(`The sequence ${sequence} does not stand where the dump set it: the copy is not used.`);
        }
    }
    return positions.size;
}

/** What kind of relation stands under a name as a dump writes it. */
async function relation(client: Client, name: string): Promise<{ kind?: string; identifier: string }> {
    const { rows } = await client.query<{ kind: string; schema: string; name: string }>(
        `select c.relkind as kind, n.nspname as schema, c.relname as name
           from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass($1)`,
        [name],
    );
    const found = rows[0];
    return found === undefined
        ? { identifier: "" }
        : { kind: found.kind, identifier: `${escapeIdentifier(found.schema)}.${escapeIdentifier(found.name)}` };
}
