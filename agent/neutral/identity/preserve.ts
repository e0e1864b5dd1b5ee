import { type Client, escapeIdentifier as name } from "pg";
import type { Preserved } from "../../../contract/identity";
import { type Column, columnsOf, tableName, tableOf } from "../mask/columns";
import { type Tables, tablesOf } from "./check";

/** Rows that are in memory at once. */
const atOnce = 500;

/** The same value is the same text in both databases, whatever they have set. */
const settings =
    "set datestyle = 'ISO, YMD'; set intervalstyle = postgres; set bytea_output = hex; set extra_float_digits = 1";

/** Keys that are not unique in their tables, in sentences. */
export async function ambiguousKeys(client: Client, tables: Tables, preserved: Preserved[]): Promise<string[]> {
    const problems: string[] = [];
    for (const { table, key } of preserved) {
        const [first] = tables.get(table) ?? [];
        const { rowCount } = await client.query(
            `select from pg_index
              where indrelid = to_regclass($1) and indisunique and indisvalid and indimmediate and indpred is null
                and indexprs is null and indnkeyatts = cardinality($2::text[])
                and $2::text[] @> (select array_agg(attname::text) from pg_attribute
                                    where attrelid = indrelid and attnum = any (indkey[0:indnkeyatts - 1]))`,
            [first && `${name(first.schema)}.${name(first.table)}`, key],
        );
        if (rowCount === 0 && first !== undefined) {
            problems.push(
                `identity.preserve has the key ${key.join(", ")} for ${table}, which no primary key or unique index has there: ` +
                    "write the columns of one",
            );
        }
    }
    return problems;
}

/** A table whose rows are taken over. */
export interface Taking {
    /** Columns of the new table. */
    columns: Column[];
    key: string[];
}

/**
 * Takes over the rows of a table, each in the place of the row that has the same key. What only one of both tables has as
 * a column is left as it is, or as its default.
 *
 * @param live superuser's, in the copy in use, which is only read
 * @param client the new table's owner's, in a transaction that sets nothing off
 * @returns how many rows; or why there are none
 */
export async function takeOver(live: Client, client: Client, { columns, key }: Taking): Promise<number | string> {
    const [first] = columns;
    const former = first && tablesOf(await columnsOf(live)).get(tableName(first));
    if (first === undefined || former === undefined) {
        return "the copy in use has no such table";
    }
    const known = new Set(former.map((column) => column.name));
    const both = columns.filter(({ name, isGenerated }) => known.has(name) && !isGenerated);
    if (!key.every((column) => known.has(column))) {
        return `the copy in use has no such key (${key.join(", ")})`;
    }
    const always = await alwaysGiven(client, first);
    await live.query(settings);
    await client.query(settings);
    await live.query("begin transaction isolation level repeatable read read only");
    await live.query(
        `declare kept no scroll cursor for select ${both.map(textOrNull).join(", ")}
           from ${tableOf(former[0] ?? first)}`,
    );
    const statement = upsert(first, both, key, always);
    let taken = 0;
    for (;;) {
        const { rows } = await live.query<(string | null)[]>({ text: `fetch ${atOnce} from kept`, rowMode: "array" });
        if (rows.length === 0) {
            await live.query("commit");
            return taken;
        }
        await client.query(
            statement,
            both.map((_, at) => rows.map((row) => row[at] ?? null)),
        );
        taken += rows.length;
    }
}

/** What PostgreSQL writes for a value; null stays null. */
function textOrNull(column: Column): string {
    return `case when ${name(column.name)} is distinct from null then format('%s', ${name(column.name)}) end`;
}

function upsert(table: Column, columns: Column[], key: string[], always: Set<string>): string {
    const names = columns.map((column) => name(column.name));
    const values = columns.map(({ base }, at) => `c${at}::${base}`);
    const others = columns.filter((column) => !key.includes(column.name) && !always.has(column.name));
    const set = others.map((column) => `${name(column.name)} = excluded.${name(column.name)}`).join(", ");
    return `insert into ${name(table.schema)}.${name(table.table)} (${names.join(", ")}) overriding system value
            select ${values.join(", ")} from unnest(${columns.map((_, at) => `$${at + 1}::text[]`).join(", ")})
                   as kept (${columns.map((_, at) => `c${at}`).join(", ")})
            on conflict (${key.map(name).join(", ")}) do ${set === "" ? "nothing" : `update set ${set}`}`;
}

/** Columns that get their numbers from the server alone, and can be given one only when a row is made. */
async function alwaysGiven(client: Client, table: Column): Promise<Set<string>> {
    const { rows } = await client.query<{ name: string }>(
        "select attname as name from pg_attribute where attrelid = to_regclass($1) and attidentity = 'a'",
        [`${name(table.schema)}.${name(table.table)}`],
    );
    return new Set(rows.map((row) => row.name));
}
