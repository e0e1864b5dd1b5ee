import type { DatabaseIdentity } from "../../../contract/identity";
import { grouped } from "../../grouped";
import { type Column, tableName } from "../mask/columns";
import type { Rewritable } from "./look";

/** Columns of a database by the names of their tables. */
export type Tables = Map<string, Column[]>;

export function tablesOf(columns: Column[]): Tables {
    return grouped(columns, tableName);
}

/** What is said of tables and columns that there are not, or that are not for it, in sentences. */
export function problemsOf(tables: Tables, { columns, except, empty, set, preserve }: DatabaseIdentity): string[] {
    const problems: string[] = [];
    const all = new Map([...tables.values()].flat().map((column) => [columnName(column), column]));
    for (const [setting, names] of Object.entries({ columns: columns === "all" ? [] : columns, except })) {
        for (const name of names.filter((name) => !tables.has(name))) {
            const column = all.get(name);
            if (column === undefined) {
                problems.push(`identity.${setting} names ${name}, which is neither a table nor table.column`);
            } else if (setting === "columns" && !isRewritable(column)) {
                problems.push(
                    `identity.columns names ${name}, which is of type ${column.type}: it has no text to rewrite`,
                );
            }
        }
    }
    for (const [setting, names] of Object.entries({
        empty,
        set: set.map(({ table }) => table),
        preserve: preserve.map(({ table }) => table),
    })) {
        const missing = names.filter((name) => !tables.has(name));
        problems.push(...missing.map((name) => `identity.${setting} names ${name}, and there is no such table`));
    }
    for (const { table, columns } of set) {
        refuseColumns("set", table, Object.keys(columns));
    }
    for (const { table, key } of preserve) {
        refuseColumns("preserve", table, key);
    }
    return problems;

    function refuseColumns(setting: string, table: string, names: string[]) {
        for (const name of names) {
            const column = tables.get(table)?.find((column) => column.name === name);
            if (column === undefined && tables.has(table)) {
                problems.push(`identity.${setting} names ${table}.${name}, and there is no such column`);
            } else if (setting === "set" && column?.isGenerated === true) {
                problems.push(`identity.set names ${table}.${name}, which the server computes out of others`);
            }
        }
    }
}

/** The columns in which addresses are rewritten. */
export function rewritableIn(tables: Tables, { columns, except }: DatabaseIdentity): Rewritable[] {
    const names = (list: string[], column: Column) =>
        list.includes(tableName(column)) || list.includes(columnName(column));
    return [...tables.values()]
        .flat()
        .filter(isRewritable)
        .filter((column) => (columns === "all" || names(columns, column)) && !names(except, column));
}

function isRewritable(column: Column): column is Rewritable {
    return column.form !== null && !column.isGenerated;
}

function columnName(column: Column): string {
    return `${tableName(column)}.${column.name}`;
}
