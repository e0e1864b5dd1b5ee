import { type Client, escapeIdentifier as name } from "pg";

/** A column of a database. */
export interface Column {
    schema: string;
    table: string;
    name: string;
    /** Its type as `CREATE TABLE` writes it, for example `character varying(40)`. */
    type: string;
    /** The type without a length, and below all domains. */
    base: string;
    /** How text is in it: as people write it, in quotes as items of an array or of an hstore, or not at all. */
    form: "plain" | "quoted" | null;
    /** What it holds: text, documents of JSON, or anything else that text can be hidden in. */
    kind: "text" | "json" | "other";
    /** Whether it can hold text that somebody has written. */
    isWritten: boolean;
    /** Most characters that it takes; undefined if that is not limited. */
    length: number | undefined;
    isRequired: boolean;
    /** Whether the server computes it out of others. */
    isGenerated: boolean;
    /** Role that owns the table. */
    owner: string;
    /** Whether its table is the parent of partitions, which are not told of. */
    isPartitioned: boolean;
}

/** The columns of all tables but the server's own and those of extensions. A partition is its parent's. */
export async function columnsOf(client: Client): Promise<Column[]> {
    const { rows } = await client.query<Column>(
        `with recursive base as (
             select oid, oid as base, typcategory as category, typname as name, typelem as item from pg_type where typtype <> 'd'
             union all
             select domain.oid, base, category, name, item
               from pg_type domain join base on base.oid = typbasetype where typtype = 'd'
         ),
         -- The server's own kinds of numbers in disguise hold nothing that anybody has written.
         held as (
             select *, category in ('S', 'C') or category = 'U' and name not in
                        ('uuid', 'pg_lsn', 'pg_snapshot', 'txid_snapshot', 'macaddr', 'macaddr8') as written,
                        category = 'S' or name in ('json', 'jsonb', 'xml') as plain from base
         )
         select nspname as schema, relname as table, attname as name, format_type(atttypid, atttypmod) as type,
                format_type(held.base, -1) as base,
                case when plain then 'plain'
                     when held.name = 'hstore' or (select plain from held as items where items.oid = held.item) then 'quoted'
                end as form,
                case when category = 'S' then 'text' when held.name in ('json', 'jsonb') then 'json' else 'other' end as kind,
                written or category = 'A' and (select written from held as items where items.oid = held.item) as "isWritten",
                case when category = 'S' and atttypmod > 4 then atttypmod - 4 end as length,
                attnotnull as "isRequired", attgenerated <> '' as "isGenerated", pg_get_userbyid(relowner) as owner,
                relkind = 'p' as "isPartitioned"
           from pg_class c join pg_namespace n on n.oid = relnamespace join pg_attribute a on attrelid = c.oid
                join held on held.oid = atttypid
          where relkind in ('r', 'p') and not relispartition and attnum > 0 and not attisdropped
            and nspname !~ '^pg_' and nspname <> 'information_schema'
            and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e')
          order by nspname, relname, attnum`,
    );
    return rows.map((row) => ({ ...row, length: row.length ?? undefined }));
}

/** Whether it needs a rule: what the server computes out of others changes with them. */
export function canHoldText({ isWritten, isGenerated }: Column): boolean {
    return isWritten && !isGenerated;
}

/** A table as people write it: without the schema that everybody means. MySQL has none. */
export function tableName({ schema, table }: Pick<Column, "schema" | "table">): string {
    return schema === "public" || schema === "" ? table : `${schema}.${table}`;
}

/** Partitions are their parent's; what merely inherits is a table of its own. */
export function tableOf({ schema, table, isPartitioned }: Column): string {
    return `${isPartitioned ? "" : "only "}${name(schema)}.${name(table)}`;
}

/**
 * A column's value as text, for a session of a superuser. A cast of production's own type is a function of production's;
 * what a type is written as is a function of the server's.
 */
export function asText(column: Column): string {
    return column.kind === "text" ? `${name(column.name)}::text` : `format('%s', ${name(column.name)})`;
}
