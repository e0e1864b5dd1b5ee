import type { Connection } from "mysql2/promise";
import type { RewrittenRows } from "../../../contract/identity";
import { patternsOf, type RewriteRule } from "../../../contract/rewrite";
import { grouped } from "../../grouped";
import { needles, type Rewritable } from "../../neutral/identity/look";
import { Rewriter } from "../../neutral/identity/value";
import { tableName } from "../../neutral/mask/columns";
import { literal, quoted, rowsOf } from "../rows";
import { asText, tableOf } from "./columns";
import { primaryKey } from "./mask";

/** What is to be rewritten in a database, and how. */
export interface Rewriting {
    rewriter: Rewriter;
    /** Texts of which every value that is rewritten holds one. */
    needles: string[];
}

/** Rows that are looked at together, unless their values are long. */
const mostRows = 500;

/** Bytes of values that are in memory at once, as far as a single one is not larger. */
const atOnce = 4 * 2 ** 20;

/** Prepares rules. Text is taken as UTF-8: lengths of PHP's are those of an application that speaks it to its server. */
export function rewritingOf(rules: RewriteRule[]): Rewriting {
    const patterns = patternsOf(rules);
    return { rewriter: new Rewriter(patterns, true), needles: needles(patterns.map(({ host }) => host)) };
}

/**
 * Rewrites what is in columns, or only counts it.
 *
 * @param connection the generation's own account's, in that database, where nothing is set off
 * @returns rows by column
 * @throws {Error} that names the table in which it fails
 */
export async function rewriteIn(
    connection: Connection,
    columns: Rewritable[],
    rewriting: Rewriting,
    doing: "rewrite" | "count",
): Promise<RewrittenRows> {
    const counts: RewrittenRows = {};
    const count = (column: Rewritable, rows: number) => {
        const name = `${tableName(column)}.${column.name}`;
        counts[name] = (counts[name] ?? 0) + rows;
    };
    for (const its of grouped(columns, tableName).values()) {
        const [first] = its as [Rewritable, ...Rewritable[]];
        const found = await columnsThatHold(connection, its, rewriting);
        if (found.length === 0) {
            continue;
        }
        const key = await primaryKey(connection, first.table);
        try {
            if (key.length > 0) {
                await byKey(connection, found, key, { rewriting, doing, count });
            } else {
                await byValue(connection, found, { rewriting, doing, count });
            }
        } catch (error) {
            const reason = error instanceof Error ? error.message.replace(/[.\s]+$/, "") : error;
            throw new Error(
                `identity.rewrite fails in table ${tableName(first)}: ${reason}. Write its column to identity.except.`,
            );
        }
    }
    return counts;
}

/**
 * Makes sure that nothing of what the rules are about is left.
 *
 * @throws {Error} that names each column in which something is
 */
export async function refuseRewritable(
    connection: Connection,
    columns: Rewritable[],
    rewriting: Rewriting,
): Promise<void> {
    const left = await rewriteIn(connection, columns, rewriting, "count");
    const where = Object.entries(left).map(([column, rows]) => `${column} (${rows})`);
    if (where.length > 0) {
        throw new Error(
            `What identity.rewrite takes away is still in rows of ${where.join(", ")}: a masking rule, identity.set or a hook ` +
                "has brought it back. The copy is not used.",
        );
    }
}

/** How columns of a table are gone through. */
interface Going {
    rewriting: Rewriting;
    doing: "rewrite" | "count";
    count(column: Rewritable, rows: number): void;
}

/** Quickly told in the server: without it there is nothing to rewrite. A character of JSON may be written as another one. */
function possible(column: Rewritable, { needles }: Rewriting): string {
    const text = `${asText(column)} collate utf8mb4_general_ci`;
    const asked = [...needles, "\\u00"].map((needle) => `locate(${literal(needle)}, ${text}) > 0`);
    return `(${asked.join(" or ")})`;
}

/** One look at a table tells which of its columns are worth another one. */
async function columnsThatHold(
    connection: Connection,
    columns: Rewritable[],
    rewriting: Rewriting,
): Promise<Rewritable[]> {
    const asked = columns.map((column, at) => `max(${possible(column, rewriting)}) as c${at}`);
    const [row = {}] = await rowsOf<Record<string, number | null>>(
        connection,
        `select ${asked.join(", ")} from ${tableOf(columns[0] as Rewritable)}`,
    );
    return columns.filter((_, at) => Number(row[`c${at}`] ?? 0) > 0);
}

/** Goes through a table in the order of its primary key. */
async function byKey(
    connection: Connection,
    columns: Rewritable[],
    key: string[],
    { rewriting, doing, count }: Going,
): Promise<void> {
    const table = tableOf(columns[0] as Rewritable);
    const keys = key.map(quoted);
    const values = columns.map((column, at) => {
        return `if(${possible(column, rewriting)}, cast(${asText(column)} as binary), null) as c${at}`;
    });
    const some = columns.map((column) => possible(column, rewriting)).join(" or ");
    const given = keys.map((name, at) => `${name} as k${at}`).join(", ");
    const next = new Paging(connection, (after, limit) => [
        `select ${given}, ${values.join(", ")} from ${table}
          where (${some}) ${after === undefined ? "" : `and (${keys.join(", ")}) > (${keys.map(() => "?").join(", ")})`}
          order by ${keys.join(", ")} limit ${limit}`,
        after ?? [],
    ]);
    for await (const row of next.rows((row) => keys.map((_, at) => row[`k${at}`]))) {
        const set: string[] = [];
        for (const [at, column] of columns.entries()) {
            const rewritten = rewrittenOf(row[`c${at}`], rewriting);
            if (rewritten !== undefined) {
                count(column, 1);
                set.push(`${quoted(column.name)} = ${rewritten}`);
            }
        }
        if (set.length > 0 && doing === "rewrite") {
            await connection.query(
                `update ${table} set ${set.join(", ")} where ${keys.map((name) => `${name} = ?`).join(" and ")}`,
                keys.map((_, at) => row[`k${at}`]),
            );
        }
    }
}

/** Goes through the values of each column: a table without a primary key has no other name for its rows. */
async function byValue(
    connection: Connection,
    columns: Rewritable[],
    { rewriting, doing, count }: Going,
): Promise<void> {
    for (const column of columns) {
        const table = tableOf(column);
        const bytes = `cast(${asText(column)} as binary)`;
        const next = new Paging(connection, (after, limit) => [
            `select ${bytes} as c0, count(*) as k1 from ${table}
              where ${possible(column, rewriting)} ${after === undefined ? "" : `and ${bytes} > ?`}
              group by ${bytes} order by ${bytes} limit ${limit}`,
            after ?? [],
        ]);
        for await (const row of next.rows((row) => [row.c0])) {
            const rewritten = rewrittenOf(row.c0, rewriting);
            if (rewritten !== undefined) {
                count(column, Number(row.k1));
                if (doing === "rewrite") {
                    await connection.query(
                        `update ${table} set ${quoted(column.name)} = ${rewritten} where ${bytes} = ?`,
                        [row.c0],
                    );
                }
            }
        }
    }
}

/** The value as rewritten, as SQL; nothing if that is the same. */
function rewrittenOf(value: unknown, { rewriter }: Rewriting): string | undefined {
    if (!Buffer.isBuffer(value)) {
        return undefined;
    }
    const rewritten = rewriter.rewrite(value, "plain");
    return rewritten === value ? undefined : `convert(x'${rewritten.toString("hex")}' using utf8mb4)`;
}

type Row = Record<string, unknown>;

/** Rows of a query, some at a time, as many as are not too long together. */
class Paging {
    constructor(
        private readonly connection: Connection,
        private readonly query: (after: unknown[] | undefined, limit: number) => [string, unknown[]],
    ) {}

    async *rows(placeOf: (row: Row) => unknown[]): AsyncGenerator<Row> {
        let after: unknown[] | undefined;
        for (let limit = 16; ; ) {
            const rows = await rowsOf<Row>(this.connection, ...this.query(after, limit));
            const last = rows.at(-1);
            if (last === undefined) {
                return;
            }
            yield* rows;
            after = placeOf(last);
            const bytes = rows
                .flatMap((row) => Object.values(row))
                .reduce<number>((sum, one) => {
                    return sum + (Buffer.isBuffer(one) ? one.length : 0);
                }, 1);
            limit = Math.min(mostRows, Math.max(1, Math.floor((rows.length * atOnce) / bytes)));
        }
    }
}
