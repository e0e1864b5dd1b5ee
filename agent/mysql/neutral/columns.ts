import type { Connection } from "mysql2/promise";
import type { Column } from "../../neutral/mask/columns";
import { quoted, rowsOf } from "../rows";

/** Types that hold text as people write it. */
const texts = ["char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"];

/** Types that text can be hidden in. */
const hidden = ["binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"];

interface Row {
    table: string;
    name: string;
    type: string;
    base: string;
    length: number | string | null;
    isRequired: number;
    isGenerated: number;
    isJson: number;
}

/** The columns of all tables of a database; views have none of their own. */
export async function columnsOf(connection: Connection, database: string): Promise<Column[]> {
    const rows = await rowsOf<Row>(
        connection,
        `select c.table_name as \`table\`, column_name as name, column_type as type, data_type as base,
                if(data_type in ('char', 'varchar'), character_maximum_length, null) as length,
                is_nullable = 'NO' as isRequired, ifnull(generation_expression, '') <> '' as isGenerated,
                data_type = 'json' or ${await jsonCheck(connection)} as isJson
           from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
          where table_schema = ? and table_type not in ('VIEW', 'SEQUENCE')
          order by c.table_name, ordinal_position`,
        [database],
    );
    return rows.map(columnOf);
}

function columnOf({ table, name, type, base, length, ...row }: Row): Column {
    const isText = texts.includes(base);
    const isJson = row.isJson === 1;
    const isChoice = base === "enum" || base === "set";
    return {
        ...{ schema: "", table, name, type, base, owner: "", isPartitioned: false },
        form: (isText && !isChoice) || isJson ? "plain" : null,
        kind: isJson ? "json" : isText && !isChoice ? "text" : "other",
        // What was chosen out of a list, nobody has written.
        isWritten: (isText && !isChoice) || isJson || hidden.includes(base),
        length: length === null ? undefined : Number(length),
        isRequired: row.isRequired === 1,
        isGenerated: row.isGenerated === 1,
    };
}

/** MariaDB has JSON as text with a check, in a table that MySQL has otherwise. */
async function jsonCheck(connection: Connection): Promise<string> {
    const [found] = await rowsOf(
        connection,
        `select 1 from information_schema.columns
          where table_schema = 'information_schema' and table_name = 'CHECK_CONSTRAINTS' and column_name = 'TABLE_NAME'`,
    );
    return found === undefined
        ? "false"
        : `exists (select 1 from information_schema.check_constraints k
                    where k.constraint_schema = c.table_schema and k.table_name = c.table_name
                      and lower(replace(k.check_clause, '\`', '')) = concat('json_valid(', lower(c.column_name), ')'))`;
}

/** A table's name in quotes. */
export function tableOf({ table }: Pick<Column, "table">): string {
    return quoted(table);
}

/** A column's value as text of four bytes, whatever its own character set is. Bytes are taken for characters. */
export function asText({ name, base, form }: Pick<Column, "name" | "base" | "form">): string {
    const text = form === null && !hidden.includes(base) ? `cast(${quoted(name)} as char)` : quoted(name);
    return hidden.includes(base)
        ? `convert(convert(${text} using latin1) using utf8mb4)`
        : `convert(${text} using utf8mb4)`;
}
