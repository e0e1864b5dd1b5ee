import { type Client, DatabaseError, escapeIdentifier as name } from "pg";
import type { Masked } from "./classify";
import { tableOf } from "./columns";
import { expressionFor } from "./expression";

/** What the server answers where a column's type cannot be altered: something else is made of it. An UPDATE can do it. */
const inTheWay = new Set(["0A000", "42P16", "55006"]);

/**
 * Masks columns of a table by writing the table anew, with indexes that are sorted once: an UPDATE writes every row beside
 * the former one and every entry of every index by itself, and takes half as long again.
 *
 * @param client the table's owner's, in a transaction
 * @returns whether it could be done; nothing is changed where it could not
 */
export async function rebuilt(client: Client, columns: Masked[]): Promise<boolean> {
    if (!(await areAlone(client, columns))) {
        return false;
    }
    const [first] = columns;
    const changes = columns.map(
        (column) => `alter column ${name(column.name)} type ${column.type} using ${expressionFor(column)}`,
    );
    await client.query("savepoint rebuild");
    try {
        await client.query(`alter table ${first && tableOf(first)} ${changes.join(", ")}`);
        return true;
    } catch (error) {
        if (error instanceof DatabaseError && inTheWay.has(error.code ?? "")) {
            await client.query("rollback to savepoint rebuild");
            return false;
        }
        throw error;
    }
}

/**
 * Whether columns lose nothing by it: a type that is altered brings its own collation, storage and compression, keys that
 * refer to each other are compared before the other table is masked as well, and no expression may ask a query.
 */
async function areAlone(client: Client, columns: Masked[]): Promise<boolean> {
    if (columns.some(({ rule, isPartitioned }) => isPartitioned || (typeof rule === "object" && "sql" in rule))) {
        return false;
    }
    const [first] = columns;
    const { rows } = await client.query<{ alone: boolean }>(
        `select bool_and(attcollation = typcollation and attstorage = typstorage
                         and coalesce(to_jsonb(a) ->> 'attcompression', '') = ''
                         and not exists (select from pg_constraint
                                          where contype = 'f' and (conrelid = attrelid and attnum = any (conkey)
                                                                   or confrelid = attrelid and attnum = any (confkey)))) as alone
           from pg_attribute a join pg_type t on t.oid = atttypid
          where attrelid = $1::regclass and attname = any ($2)`,
        [first && `${name(first.schema)}.${name(first.table)}`, columns.map((column) => column.name)],
    );
    return rows[0]?.alone === true;
}
