import { createHash } from "node:crypto";
import { type Client, escapeIdentifier } from "pg";
import type { DumpedDatabase } from "../../contract/manifest";
import type { DatabaseReport } from "../../contract/report";
import { plural, type Watch } from "../report";
import { Psql, type PsqlTarget } from "./psql";
import { relation } from "./relation";
import type { Tally } from "./tally";

/** What is said of tables, by name as the dump writes it. */
export type Tables = DatabaseReport["tables"];
type Table = Tables[string];

/** What is needed to read a database's rows back. */
export interface ReadingBack {
    client: Client;
    /** Superuser, from whom no policy hides a row. */
    target: PsqlTarget;
    /** Connections at once. */
    jobs: number;
    /** In which text is read: that of the dump, of which the manifest's hashes are. */
    encoding: string;
    watch: Watch;
    signal: AbortSignal;
}

/** A table to be read, and what it should hold. */
export interface Expected extends Table {
    name: string;
    statement: string;
    sha256: string;
}

/**
 * The settings under which production's side writes rows: else the same values would be other text. `money` has no
 * setting of its own, and differs where `lc_monetary` does: its values may then be others as well.
 */
export function asDumped(encoding: string): Buffer {
    const settings = {
        client_encoding: encoding,
        timezone: "UTC",
        datestyle: "ISO",
        intervalstyle: "postgres",
        extra_float_digits: "3",
        bytea_output: "hex",
        synchronize_seqscans: "off",
        row_security: "off",
        search_path: "pg_catalog",
        statement_timeout: "0",
    };
    const statements = Object.entries(settings).map(([name, value]) => `SET ${name} TO '${value}';\n`);
    return Buffer.from(statements.join(""));
}

/**
 * Counts the rows of tables.
 *
 * @throws {Error} one sentence for the first table that has another number of them, or has none that can be counted
 */
export async function countRows(client: Client, expected: Tables): Promise<Tables> {
    const tables: Tables = {};
    for (const [name, table] of Object.entries(expected)) {
        const { rows, bytes, made } = table;
        const { kind, identifier } = await relation(client, name);
        if (kind !== "r" && kind !== "p") {
            throw new Error(`The rows of ${name} could not be counted: it is not a table after the restore.`);
        }
        // A table's own rows: those of its heirs have a COPY statement of their own.
        const from = kind === "r" ? `only ${identifier}` : identifier;
        const counted = await client.query<{ count: string }>(`select count(*) from ${from}`);
        const found = Number(counted.rows[0]?.count);
        refuseOtherNumber(name, found, rows, made);
        tables[name] = made === undefined ? { rows, bytes } : table;
    }
    return tables;
}

/**
 * Reads the rows of all tables back from the server, several tables at once, the longest first, and compares their
 * SHA-256 with those that the manifest names. Tables whose rows the dump hands to their partitions are only counted, as
 * their order is not the dump's, and those of extensions, which may have made some of the rows.
 *
 * @param known tables that were read already, and are right
 * @throws {Error} one sentence for the first difference, or when a table cannot be read
 */
export async function readRows(
    reading: ReadingBack,
    tally: Tally,
    named: DumpedDatabase["tables"],
    known: Tables = {},
): Promise<Tables> {
    const { client, watch } = reading;
    const waiting: Expected[] = [];
    const others: Tables = {};
    for (const name of tally.rows.keys()) {
        if (known[name] === undefined) {
            const { table, expected } = await expectation(client, name, tally, named);
            if (expected === undefined) {
                others[name] = table;
            } else {
                waiting.push(expected);
            }
        }
    }
    const progress = { of: waiting.reduce((sum, { bytes }) => sum + bytes, 0), through: 0 };
    watch(() => ({ done: progress.through, unit: "byte", part: progress }));
    waiting.sort((a, b) => b.bytes - a.bytes);
    const read = await readAll(reading, waiting, (bytes) => {
        progress.through += bytes;
    });
    return { ...known, ...read, ...(await countRows(client, others)) };
}

/** What should be found in a table, and how it is read if that can be compared with its manifest. */
export async function expectation(
    client: Client,
    name: string,
    tally: Tally,
    named: DumpedDatabase["tables"],
): Promise<{ table: Table; expected?: Expected }> {
    const { kind, identifier } = await relation(client, name);
    const table = { rows: tally.rows.get(name) ?? 0, bytes: tally.bytes.get(name) ?? 0 };
    const sha256 = named[name]?.sha256;
    const made = tally.made.get(name);
    if (made !== undefined) {
        return { table: { ...table, made, ...(sha256 !== undefined && { sha256 }) } };
    }
    if (kind !== "r" || sha256 === undefined) {
        return { table };
    }
    const columns = (tally.columns.get(name) ?? []).map((column) => escapeIdentifier(column)).join(", ");
    const statement = `COPY ${identifier} ${columns === "" ? "" : `(${columns})`} TO STDOUT`;
    return { table, expected: { name, ...table, sha256, statement } };
}

/** Reads tables over several connections, in their order. */
async function readAll(
    { client, target, jobs, encoding, signal }: ReadingBack,
    tables: Expected[],
    tell: (bytes: number) => void,
): Promise<Tables> {
    const found: Tables = {};
    const waiting = [...tables];
    const readers = Array.from({ length: Math.min(jobs, tables.length) }, () => new Psql(target, [asDumped(encoding)]));
    const kill = () => Promise.all(readers.map((reader) => reader.kill()));
    signal.addEventListener("abort", kill, { once: true });
    try {
        await Promise.all(
            readers.map(async (reader) => {
                for (let table = waiting.shift(); table !== undefined; table = waiting.shift()) {
                    found[table.name] = await readTable(client, reader, table, tell);
                }
                await reader.end();
            }),
        );
        return found;
    } catch (error) {
        await kill();
        throw error;
    } finally {
        signal.removeEventListener("abort", kill);
    }
}

/**
 * Reads one table back.
 *
 * @throws {Error} one sentence when it cannot be read, or is not what it should be
 */
export async function readTable(
    client: Client,
    psql: Psql,
    { name, statement, rows, bytes, sha256 }: Expected,
    tell: (bytes: number) => void,
): Promise<Table> {
    const hash = createHash("sha256");
    try {
        await psql.read(statement, (bytes) => {
            hash.update(bytes);
            tell(bytes.length);
        });
    } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`The rows of ${name} could not be read back (${reason}): the copy is not used.`);
    }
    const found = hash.digest("hex");
    if (found !== sha256) {
        await countRows(client, { [name]: { rows, bytes } });
        throw new Error(
            `Table ${name} has ${plural(rows, "row")} after the restore, as many as its manifest names, but not the same: ` +
                `their SHA-256 is ${found}, and the manifest names ${sha256}. The copy is not used.`,
        );
    }
    return { rows, bytes, sha256 };
}

function refuseOtherNumber(name: string, found: number, expected: number, made = 0): void {
    if (found !== expected + made) {
        const beside = made === 0 ? "" : ` beside the ${made.toLocaleString("en-US")} that an extension has made`;
        throw new Error(
            `Table ${name} has ${plural(found, "row")} after the restore, but the dump held ` +
                `${expected.toLocaleString("en-US")}${beside}: the copy is not used.`,
        );
    }
}
