import type { Connection } from "mysql2/promise";
import type { MysqlManifest } from "../../contract/manifest";
import type { DatabaseReport } from "../../contract/report";
import { proveFiles } from "../backup/manifest";
import { plural, type Watch } from "../report";
import { checksumOf } from "./checksum";
import type { MysqlChecked } from "./guard";
import { foreignKeysOf, orphansOf } from "./keys";
import { Lanes } from "./lanes";
import type { MysqlLoaded } from "./load";
import type { Tally } from "./pour";
import { quotedIn, rowsOf } from "./rows";
import { type ObjectKind, objectKinds } from "./statement";

/** What is held against a copy. */
export interface Evidence {
    connections: Connection[];
    database: string;
    /** What was loaded, with what production's side has written down about it. */
    backup: MysqlChecked;
    loaded: MysqlLoaded;
    /** Version of the copy's server. */
    version: string;
    watch: Watch;
}

type Proof = Pick<DatabaseReport, "tables" | "sequences" | "proof" | "unknown">;

/**
 * Proves that a database holds what the dump held: all tables and rows, foreign keys without a row that refers to none, and
 * views, triggers, routines and events that are there and can be used.
 *
 * @throws {Error} one sentence for the first difference
 */
export async function prove({ connections, database, backup, loaded, version, watch }: Evidence): Promise<Proof> {
    const [first] = connections as [Connection, ...Connection[]];
    const { tally } = loaded;
    const { facts } = backup;
    const lanes = new Lanes(connections);
    const tables: DatabaseReport["tables"] = {};
    const isComparable = facts !== undefined && familyOf(facts.server.version) === familyOf(version);
    await proveNames(first, database, tally);
    const whole = facts === undefined ? [] : [proveFacts(backup, facts, loaded)];

    const all = [...tally.tables].sort(([, a], [, b]) => b.bytes - a.bytes);
    const total = all.reduce((sum, [, { bytes }]) => sum + bytes, 0);
    const progress = { rows: 0, bytes: 0 };
    watch(() => ({ done: progress.rows, unit: "row", part: { of: total, through: progress.bytes } }));
    await lanes.each(all, async (connection, [table, { rows, bytes }]) => {
        await proveRows(connection, database, table, rows);
        const named = isComparable ? facts.tables[table]?.checksum : undefined;
        const checksum = named === undefined ? undefined : await proveChecksum(connection, database, table, named);
        tables[table] = { rows, bytes, ...(checksum !== undefined && { checksum }) };
        progress.rows += rows;
        progress.bytes += bytes;
    });
    const keys = await foreignKeysOf(first, database);
    if (keys.length < tally.foreignKeys) {
        throw new Error(
            `Of ${plural(tally.foreignKeys, "foreign key")} ${keys.length} are there: the copy is not used.`,
        );
    }
    await lanes.each(keys, async (connection, key) => {
        const orphans = await orphansOf(connection, database, key);
        if (orphans > 0) {
            throw new Error(
                `${plural(orphans, "row")} of table ${key.table} refer by ${key.name} to rows of ${key.parent} that are not ` +
                    "there: dump with --single-transaction, or repair production. The copy is not used.",
            );
        }
    });
    await proveViews(first, database, [...(tally.objects.get("view") ?? [])]);
    return {
        tables,
        sequences: tally.sequences.size,
        proof: [
            ...loaded.whole,
            ...whole,
            "every table has the rows of the dump",
            ...(keys.length === 0 ? [] : [`no row of ${plural(keys.length, "foreign key")} refers to none`]),
            ...(isComparable ? describeChecksums(facts) : []),
            ...describeObjects(tally),
        ],
        unknown: unknownOf(facts, isComparable, version),
    };
}

function unknownOf(facts: MysqlManifest | undefined, isComparable: boolean, version: string): string[] {
    if (facts === undefined) {
        return ["whether the rows are as production has them: the backup has no manifest with checksums"];
    }
    if (!isComparable) {
        return [
            `the checksums of tables: production's server is ${facts.server.version}, and the replica's is ${version}`,
        ];
    }
    const without = Object.entries(facts.tables).filter(([, { checksum }]) => checksum === undefined);
    return without.length === 0
        ? []
        : [
              `whether the rows of ${plural(without.length, "table")} are as production has them (${namesOf(without)}): the ` +
                  "manifest has no checksum, as production was written to when the dump began or keeps no binary log, or the " +
                  "table is not of InnoDB or has columns of type FLOAT, which dumps round",
          ];
}

function describeChecksums({ tables }: MysqlManifest): string[] {
    const all = Object.values(tables);
    const proven = all.filter(({ checksum }) => checksum !== undefined).length;
    if (proven === 0) {
        return [];
    }
    const which = proven === all.length ? "every table has" : `${proven} of ${plural(all.length, "table")} have`;
    return [`${which} the checksum that the manifest names`];
}

/** The first few of them. */
function namesOf(tables: [string, unknown][]): string {
    const names = tables.slice(0, 3).map(([name]) => name);
    return [...names, ...(tables.length > names.length ? ["…"] : [])].join(", ");
}

/** Servers of a family compute the same checksum: `10.11-MariaDB`. */
function familyOf(version: string): string {
    return `${/^\d+\.\d+/.exec(version)?.[0]}${/mariadb/i.test(version) ? "-MariaDB" : ""}`;
}

/** Everything that the dump makes is there, and nothing else. */
async function proveNames(connection: Connection, database: string, tally: Tally): Promise<void> {
    const expected: [string, Iterable<string>][] = [
        ["table", [...tally.tables.keys(), ...tally.sequences]],
        ...objectKinds.map((kind): [ObjectKind, Iterable<string>] => [kind, tally.objects.get(kind) ?? []]),
    ];
    const found = await namesIn(connection, database);
    for (const [kind, names] of expected) {
        const there = found.get(kind) ?? new Set();
        const wanted = new Set(names);
        const missing = [...wanted].filter((name) => !there.has(name));
        const strange = [...there].filter((name) => !wanted.has(name));
        // An event that is over is not made.
        if ((missing.length > 0 && kind !== "event") || strange.length > 0) {
            const what = missing.length > 0 ? `${missing.slice(0, 3).join(", ")} is not there` : `${strange[0]} is`;
            throw new Error(`After the load, ${kind} ${what}, other than in the dump: the copy is not used.`);
        }
    }
}

async function namesIn(connection: Connection, database: string): Promise<Map<string, Set<string>>> {
    const rows = await rowsOf<{ kind: string; name: string }>(
        connection,
        `select if(table_type = 'VIEW', 'view', 'table') as kind, table_name as name
           from information_schema.tables where table_schema = ?
          union all select lower(routine_type), routine_name from information_schema.routines where routine_schema = ?
          union all select 'trigger', trigger_name from information_schema.triggers where trigger_schema = ?
          union all select 'event', event_name from information_schema.events where event_schema = ?`,
        [database, database, database, database],
    );
    const names = new Map<string, Set<string>>();
    for (const { kind, name } of rows) {
        names.set(kind, (names.get(kind) ?? new Set()).add(name));
    }
    return names;
}

/** Compares the dump, as it was read, with what production's side has written down about it. */
function proveFacts(backup: MysqlChecked, facts: MysqlManifest, { sha256, tally }: MysqlLoaded): string {
    const proof = proveFiles(backup, facts, new Map([[backup.name, sha256]]));
    const { tables } = facts;
    for (const name of new Set([...Object.keys(tables), ...tally.tables.keys()])) {
        const [found, expected] = [tally.tables.get(name)?.rows, tables[name]?.rows];
        if (found !== expected) {
            const held = found === undefined ? "no table" : `${plural(found, "row")} of table`;
            const named = expected === undefined ? "none" : plural(expected, "row");
            throw new Error(`The dump holds ${held} ${name}, and its manifest names ${named}: the copy is not used.`);
        }
    }
    return proof;
}

async function proveRows(connection: Connection, database: string, table: string, expected: number): Promise<void> {
    const [found] = await rowsOf<{ rows: number }>(
        connection,
        `select count(*) as \`rows\` from ${quotedIn(database, table)}`,
    );
    if (Number(found?.rows) !== expected) {
        throw new Error(
            `Table ${table} has ${plural(Number(found?.rows), "row")} after the load, and the dump held ${expected}: the copy ` +
                "is not used.",
        );
    }
}

/** @returns the checksum, which is the one that is expected */
async function proveChecksum(
    connection: Connection,
    database: string,
    table: string,
    expected: string,
): Promise<string> {
    const checksum = await checksumOf(connection, database, table);
    if (checksum !== expected) {
        throw new Error(
            `Table ${table} has the checksum ${checksum} after the load, and the manifest names ${expected}: the copy is not used.`,
        );
    }
    return checksum;
}

async function proveViews(connection: Connection, database: string, views: string[]): Promise<void> {
    for (const view of views) {
        await connection.query(`select * from ${quotedIn(database, view)} limit 0`).catch((error: Error) => {
            throw new Error(`View ${view} cannot be used after the load (${error.message}): the copy is not used.`);
        });
    }
}

function describeObjects({ objects }: Tally): string[] {
    const counts = objectKinds.flatMap((kind) => {
        const count = objects.get(kind)?.size ?? 0;
        return count === 0 ? [] : [plural(count, kind)];
    });
    return counts.length === 0 ? [] : [`${counts.join(", ")} made, and every view can be used`];
}
