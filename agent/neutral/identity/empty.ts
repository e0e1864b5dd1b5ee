import type { Client } from "pg";
import { type Column, tableName, tableOf } from "../mask/columns";

/** Tables, each by one of its columns. */
type Table = Column;
type Named = Pick<Column, "schema" | "table">;

/** Tables that refer to emptied ones and are none themselves, in sentences. */
export async function referring(client: Client, emptied: Table[]): Promise<string[]> {
    const { rows } = await client.query<{ key: string; to: Named; from: Named }>(
        `with class as (
             select c.oid, json_build_object('schema', nspname, 'table', relname) as name,
                    (nspname, relname) in (select * from unnest($1::name[], $2::name[])) as is_emptied
               from pg_class c join pg_namespace n on n.oid = relnamespace
         )
         select conname as key, "to".name as to, "from".name as from
           from pg_constraint join class "to" on "to".oid = confrelid join class "from" on "from".oid = conrelid
          where contype = 'f' and conparentid = 0 and "to".is_emptied and not "from".is_emptied order by conname`,
        [emptied.map(({ schema }) => schema), emptied.map(({ table }) => table)],
    );
    return rows.map(({ key, ...names }) => {
        const [to, from] = [tableName(names.to), tableName(names.from)];
        return `identity.empty names ${to}, to which rows of ${from} refer (${key}): name ${from} too, or leave ${to} out`;
    });
}

/**
 * Removes all rows of tables.
 *
 * @param client the tables' owner's
 * @returns their names
 */
export async function emptyTables(client: Client, tables: Table[]): Promise<string[]> {
    if (tables.length > 0) {
        await client.query(`truncate table ${tables.map(tableOf).join(", ")}`);
    }
    return tables.map(tableName);
}
