import type { Client } from "pg";
import type { DumpedDatabase } from "../../contract/manifest";
import { type DatabaseReport, rowsIn } from "../../contract/report";
import type { Position } from "../backup/statement";
import type { ConstraintName } from "../backup/table";
import { plural } from "../report";
import { columnCollationProblem, proveConstraints, proveExtensions, proveIndexes } from "./catalogs";
import { proveLargeObjects } from "./large-objects";
import { relation } from "./relation";
import { countRows, type ReadingBack, readRows, type Tables } from "./rows";
import type { Tally } from "./tally";

/** What was found on the server, and what that proves. */
export type Proof = Pick<
    DatabaseReport,
    "tables" | "largeObjects" | "sequences" | "extensions" | "schema" | "migrations" | "proof" | "unknown"
>;

/** What is known of the backup before its copy is looked at. */
export interface Evidence {
    /** Tables that were read back while others were loaded, and are right. */
    known?: Tables;
    /** What was proven of its files. */
    whole: string[];
    /** What nobody can know of them. */
    unknown: string[];
    /** What its manifest says of the database, if it has one. */
    facts?: DumpedDatabase;
}

/**
 * Compares the restored database with what the dump held, and with what its manifest names. Nothing of the dump runs any
 * more, and only plain tables, sequences and the server's catalogs are read: a view would run its functions as superuser.
 *
 * @throws {Error} one sentence for the first difference, or when something cannot be compared
 */
export async function prove(
    reading: ReadingBack,
    tally: Tally,
    { known, whole, unknown, facts }: Evidence,
): Promise<Proof> {
    const { client } = reading;
    // What differs between a dump and its manifest was never loaded: it comes before what the load may have lost.
    const named = facts === undefined ? [] : proveFacts(facts, tally);
    const tables =
        facts === undefined
            ? await countRows(client, tablesOf(tally))
            : await readRows(reading, tally, facts.tables, known);
    const largeObjects = await proveLargeObjects(client, tally.largeObjects, facts?.largeObjects);
    const sequences = await proveSequences(client, [...tally.positions.values()]);
    const catalogs = await proveCatalogs(client, facts?.extensions);
    const unvalidated = await proveConstraints(client, tally.unvalidated);
    return {
        tables,
        largeObjects: largeObjects.count,
        sequences,
        extensions: catalogs.extensions,
        ...(facts !== undefined && { schema: facts.schema }),
        ...(facts?.migrations !== undefined && { migrations: facts.migrations }),
        proof: [
            ...whole,
            "the dump has its closing line",
            ...(facts === undefined
                ? ["complete in itself: there is no manifest that names what the backup should hold"]
                : []),
            ...describeRows(tables),
            largeObjects.proof,
            describeSequences(sequences),
            ...named,
            ...catalogs.proof,
        ],
        unknown: [
            ...unknown,
            ...(tally.inserts === 0
                ? []
                : [`the rows of ${plural(tally.inserts, "INSERT statement")}: only COPY tells how many there are`]),
            ...(facts === undefined ? [] : describeUnread(tables)),
            ...catalogs.unknown,
            ...unvalidated,
        ],
    };
}

/**
 * Counts a clone's rows and large objects, and compares them with those of the backup that its base was restored from.
 *
 * @throws {Error} one sentence for the first difference
 */
export async function proveClone(client: Client, { tables, ...report }: DatabaseReport): Promise<Proof> {
    await countRows(client, tables);
    const largeObjects = await proveLargeObjects(client, report.largeObjects);
    const { extensions, proof } = await proveCatalogs(client, report.extensions);
    await refuseChangedCollations(client);
    return {
        tables,
        largeObjects: largeObjects.count,
        sequences: report.sequences,
        extensions,
        proof: [
            "cloned from a base that was restored from this very backup and proven: its SHA-256 fits",
            describeCounted(tables, "as many as in the dump"),
            largeObjects.proof,
            ...proof,
        ],
        unknown: report.unknown,
    };
}

/** What is known of a copy before it is looked at that was made of a base and of some tables of a backup. */
export interface ReloadEvidence extends Pick<Evidence, "whole"> {
    facts: DumpedDatabase;
    /** What was proven when the base was made. */
    report: DatabaseReport;
    /** Constraints of the base that nobody has held the rows against, as in production. */
    unvalidated: ConstraintName[];
}

/**
 * Reads the tables back that were loaded into a clone, and counts the others, whose rows were proven in the base.
 *
 * @param loaded what the backup held of the tables that were loaded
 * @throws {Error} one sentence for the first difference
 */
export async function proveReloaded(
    reading: ReadingBack,
    loaded: Tally,
    { whole, facts, report, unvalidated }: ReloadEvidence,
): Promise<Proof> {
    const { client } = reading;
    const others = Object.fromEntries(Object.entries(report.tables).filter(([name]) => !loaded.rows.has(name)));
    const read = await readRows(reading, loaded, facts.tables);
    await countRows(client, others);
    const tables = { ...others, ...read };
    const positions = Object.entries(facts.sequences).map(([sequence, at]) => ({ sequence, ...at }));
    const named = proveFacts(facts, {
        rows: new Map(Object.entries(tables).map(([name, { rows }]) => [name, rows])),
        positions: new Map(positions.map((position) => [position.sequence, position])),
        largeObjects: report.largeObjects,
    });
    const largeObjects = await proveLargeObjects(client, report.largeObjects, facts.largeObjects);
    const sequences = await proveSequences(client, positions);
    const catalogs = await proveCatalogs(client, facts.extensions);
    await refuseChangedCollations(client);
    const stillUnvalidated = await proveConstraints(client, unvalidated);
    return {
        tables,
        largeObjects: largeObjects.count,
        sequences,
        extensions: catalogs.extensions,
        schema: facts.schema,
        ...(facts.migrations !== undefined && { migrations: facts.migrations }),
        proof: [
            ...whole,
            `cloned from a base that was restored from ${report.backup} and proven, whose schema is this backup's`,
            ...describeRows(read),
            ...(Object.keys(others).length === 0
                ? []
                : [describeCounted(others, "as many as the manifest names, in tables that it names as unchanged")]),
            largeObjects.proof,
            describeSequences(sequences),
            ...named,
            ...catalogs.proof,
        ],
        unknown: [...describeUnread(tables), ...catalogs.unknown, ...stillUnvalidated],
    };
}

/** Refuses a clone whose indexes over text were made in another order than the server's is now. */
async function refuseChangedCollations(client: Client): Promise<void> {
    const collation = await columnCollationProblem(client);
    if (collation !== undefined) {
        throw new Error(`The indexes over text may be out of order, as ${collation}: the copy is not used.`);
    }
}

/** What indexes and extensions prove, and what they leave open. */
async function proveCatalogs(client: Client, named: Record<string, string> = {}) {
    const partitioned = await proveIndexes(client);
    const { extensions, unknown } = await proveExtensions(client, named);
    return {
        extensions,
        proof: ["every index is valid", ...(Object.keys(named).length === 0 ? [] : ["every extension is there"])],
        unknown: [...partitioned, ...unknown],
    };
}

function tablesOf({ rows, bytes, made }: Tally): DatabaseReport["tables"] {
    const tables = [...rows].map(([name, count]) => {
        const own = made.get(name);
        return [name, { rows: count, bytes: bytes.get(name) ?? 0, ...(own !== undefined && { made: own }) }];
    });
    return Object.fromEntries(tables);
}

/** What was done with the rows: read back, or counted. */
function describeRows(tables: DatabaseReport["tables"]): string[] {
    const [read, counted] = [true, false].map((whether) =>
        Object.fromEntries(Object.entries(tables).filter(([, table]) => isReadBack(table) === whether)),
    ) as [DatabaseReport["tables"], DatabaseReport["tables"]];
    const isRead = Object.keys(read).length > 0;
    return [
        ...(isRead
            ? [`${describeTables(read)} read back from the server, with the SHA-256 that the manifest names`]
            : []),
        ...(isRead && Object.keys(counted).length === 0 ? [] : [describeCounted(counted, "as many as in the dump")]),
    ];
}

/** Rows that were counted, some of them beside those of the dump. */
function describeCounted(tables: DatabaseReport["tables"], expected: string): string {
    const rows = Object.values(tables).reduce((sum, { made = 0 }) => sum + made, 0);
    const made = rows === 0 ? "" : ` beside the ${plural(rows, "row")} that extensions have made`;
    return `${describeTables(tables)} counted on the server, ${expected}${made}`;
}

function describeTables(tables: DatabaseReport["tables"]): string {
    return `${plural(rowsIn(tables), "row")} in ${plural(Object.keys(tables).length, "table")}`;
}

function describeSequences(sequences: number): string {
    return `${plural(sequences, "sequence")} stand where the dump set them`;
}

/** Whether more is known of a table's rows than their number. */
function isReadBack({ sha256, made }: DatabaseReport["tables"][string]): boolean {
    return sha256 !== undefined && made === undefined;
}

/** Tables that a manifest knows, and of which only the number of rows is. */
function describeUnread(tables: DatabaseReport["tables"]): string[] {
    return Object.entries(tables).flatMap(([name, table]) => {
        if (isReadBack(table)) {
            return [];
        }
        const why =
            table.made === undefined
                ? "the dump hands them to its partitions, in no order that stays"
                : "an extension's table may have rows of its own";
        return [`the rows of ${name} but their number: ${why}`];
    });
}

/** Compares the dump, as it was counted, with what production's side has written down about it. */
function proveFacts(
    { tables, sequences, largeObjects }: DumpedDatabase,
    { rows, positions, ...tally }: Pick<Tally, "rows" | "positions" | "largeObjects">,
): string[] {
    for (const name of new Set([...Object.keys(tables), ...rows.keys()])) {
        const [found, expected] = [rows.get(name), tables[name]?.rows];
        if (found !== expected) {
            const held = found === undefined ? "no table" : `${plural(found, "row")} of table`;
            throw new Error(
                `The dump holds ${held} ${name}, and its manifest names ` +
                    `${expected === undefined ? "none" : plural(expected, "row")}: the copy is not used.`,
            );
        }
    }
    for (const [name, { value, called }] of Object.entries(sequences)) {
        const found = positions.get(name);
        if (found?.value !== value || found.called !== called) {
            throw new Error(`The dump does not set sequence ${name} as its manifest says: the copy is not used.`);
        }
    }
    if (tally.largeObjects !== largeObjects.count) {
        throw new Error(
            `The dump holds ${plural(tally.largeObjects, "large object")}, and its manifest names ${largeObjects.count}: ` +
                "the copy is not used.",
        );
    }
    return ["rows, large objects and sequences are those that the manifest names"];
}

async function proveSequences(client: Client, positions: Position[]): Promise<number> {
    for (const { sequence, value, called } of positions) {
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
    return positions.length;
}
