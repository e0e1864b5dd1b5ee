import type { Connection } from "mysql2/promise";
import { quoted, quotedIn, rowsOf } from "./rows";

/** A foreign key. */
export interface ForeignKey {
    name: string;
    table: string;
    columns: string[];
    /** The table that it refers to, and the columns there in the same order. */
    parent: string;
    parentColumns: string[];
}

/** The foreign keys of a database's tables. */
export async function foreignKeysOf(connection: Connection, database: string): Promise<ForeignKey[]> {
    const rows = await rowsOf<{ name: string; table: string; column: string; parent: string; parentColumn: string }>(
        connection,
        `select constraint_name as name, table_name as \`table\`, column_name as \`column\`,
                referenced_table_name as parent, referenced_column_name as parentColumn
           from information_schema.key_column_usage
          where table_schema = ? and referenced_table_name is not null
          order by table_name, constraint_name, ordinal_position`,
        [database],
    );
    const keys = new Map<string, ForeignKey>();
    for (const { name, table, parent, column, parentColumn } of rows) {
        const key = keys.get(`${table}.${name}`) ?? { name, table, parent, columns: [], parentColumns: [] };
        key.columns.push(column);
        key.parentColumns.push(parentColumn);
        keys.set(`${table}.${name}`, key);
    }
    return [...keys.values()];
}

/** How many rows refer to none: a key that was added without being checked lets them be. */
export async function orphansOf(connection: Connection, database: string, key: ForeignKey): Promise<number> {
    const columns = key.columns.map(quoted);
    const parents = key.parentColumns.map(quoted);
    const join = columns.map((column, at) => `p.${parents[at]} = c.${column}`).join(" and ");
    const [found] = await rowsOf<{ orphans: number }>(
        connection,
        `select count(*) as orphans from ${quotedIn(database, key.table)} c
           left join ${quotedIn(database, key.parent)} p on ${join}
          where ${columns.map((column) => `c.${column} is not null`).join(" and ")} and p.${parents[0]} is null`,
    );
    return Number(found?.orphans ?? 0);
}
