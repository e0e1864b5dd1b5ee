import { type Client, escapeIdentifier as name } from "pg";
import type { RewrittenRows } from "../../../contract/identity";
import { grouped } from "../../grouped";
import { type Column, tableName, tableOf } from "../mask/columns";
import { conditions, type Found, find, type Rewritable, type Rewriting, rewriteComposed } from "./look";

/**
 * Counts the rows that would be rewritten, by column, and changes nothing.
 *
 * @param client superuser's: row security hides nothing from it, and no function of the database is called
 */
export async function countRewrites(
    client: Client,
    columns: Rewritable[],
    rewriting: Rewriting,
): Promise<RewrittenRows> {
    await client.query("begin transaction isolation level repeatable read read only");
    const found = await find(client, columns, rewriting);
    const counts = countsOf(found);
    for (const [, its] of grouped(found, ({ column }) => tableOf(column))) {
        const composed = composedIn(its);
        for await (const changed of rewriteComposed(client, composed, rewriting)) {
            addTo(counts, composed, changed);
        }
    }
    await client.query("commit");
    return told(counts);
}

/**
 * Rewrites what was found.
 *
 * @param client the tables' owner's, in a transaction that sets nothing off
 * @returns rows by column
 */
export async function rewriteFound(client: Client, found: Found[], rewriting: Rewriting): Promise<RewrittenRows> {
    const counts = countsOf(found);
    for (const [table, its] of grouped(found, ({ column }) => tableOf(column))) {
        const plain = its.filter((one) => one.plain > 0).map(({ column }) => column);
        if (plain.length > 0) {
            await naming(plain, client.query(updatePlain(table, plain, rewriting)));
        }
        const composed = composedIn(its);
        for await (const changed of rewriteComposed(client, composed, rewriting)) {
            addTo(counts, composed, changed);
            await naming(
                composed,
                client.query(updateComposed(table, composed), [
                    changed.map((row) => row.class),
                    changed.map(({ place }) => place),
                    ...composed.map((_, at) => changed.map(({ values }) => values[at] ?? null)),
                ]),
            );
        }
    }
    return told(counts);
}

/**
 * Makes sure that nothing of what the rules are about is left.
 *
 * @throws {Error} that names each column in which something is
 */
export async function refuseRewritable(client: Client, columns: Rewritable[], rewriting: Rewriting): Promise<void> {
    const left = await countRewrites(client, columns, rewriting);
    const where = Object.entries(left).map(([column, rows]) => `${column} (${rows})`);
    if (where.length > 0) {
        throw new Error(
            `What identity.rewrite takes away is still in rows of ${where.join(", ")}: a masking rule, identity.set or a hook ` +
                "has brought it back. The copy is not used.",
        );
    }
}

function updatePlain(table: string, columns: Column[], { patterns }: Rewriting): string {
    const asked = columns.map((column) => ({ column, ...conditions(column, patterns) }));
    const set = asked.map(
        ({ column, plain, rewritten }) =>
            `${name(column.name)} = case when ${plain} then (${rewritten})::${column.base} else ${name(column.name)} end`,
    );
    return `update ${table} set ${set.join(", ")} where ${asked.map(({ plain }) => plain).join(" or ")}`;
}

function updateComposed(table: string, columns: Column[]): string {
    const set = columns.map(
        ({ name: column, base }, at) =>
            `${name(column)} = coalesce(convert_from(v.c${at}, getdatabaseencoding())::${base}, t.${name(column)})`,
    );
    const given = columns.map((_, at) => `$${at + 3}::bytea[]`);
    return `update ${table} as t set ${set.join(", ")}
              from unnest($1::oid[], $2::tid[], ${given.join(", ")}) as v (class, place, ${columns.map((_, at) => `c${at}`).join(", ")})
             where t.tableoid = v.class and t.ctid = v.place`;
}

async function naming([first]: Column[], work: Promise<unknown>): Promise<void> {
    await work.catch((error: Error) => {
        const table = first === undefined ? "" : tableName(first);
        throw new Error(
            `identity.rewrite fails in table ${table}: ${error.message}. Write its column to identity.except.`,
        );
    });
}

function composedIn(found: Found[]): Rewritable[] {
    return found.filter(({ composed }) => composed > 0).map(({ column }) => column);
}

/** Rows by column so far: those that the server rewrites by itself. */
function countsOf(found: Found[]): Map<Rewritable, number> {
    return new Map(found.map(({ column, plain }) => [column, plain]));
}

function addTo(counts: Map<Rewritable, number>, columns: Rewritable[], changed: { values: (Buffer | null)[] }[]): void {
    for (const [at, column] of columns.entries()) {
        const rows = changed.filter(({ values }) => values[at] !== null).length;
        counts.set(column, (counts.get(column) ?? 0) + rows);
    }
}

function told(counts: Map<Rewritable, number>): RewrittenRows {
    const entries = [...counts].map(([{ schema, table, name }, rows]) => [`${schema}.${table}.${name}`, rows] as const);
    return Object.fromEntries(entries.filter(([, rows]) => rows > 0));
}
