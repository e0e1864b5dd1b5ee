import { type Client, escapeIdentifier as name } from "pg";

/** What hangs on tables whose rows are replaced. Everything is named as SQL wants it. */
export interface Attachments {
    tables: string[];
    /** The tables, and those that a foreign key connects with one of them, with their owners. */
    owners: { table: string; owner: string }[];
    /** Foreign keys first: the others are what they lean on. */
    constraints: { table: string; constraint: string }[];
    /** Indexes that no constraint has made. */
    indexes: string[];
    triggers: { table: string; trigger: string; enabled: "O" | "A" | "R" }[];
    schemas: string[];
    /** All of it as text that is equal for equal things. */
    description: string;
}

/** Tables by their names as a dump writes them, in a query whose first parameter they are. */
const chosen = "(select to_regclass(one)::oid from unnest($1::text[]) one)";

/** Foreign keys from or to one of them. */
const keys = `(select * from pg_constraint where contype = 'f' and (conrelid in ${chosen} or confrelid in ${chosen}))`;

/** The same, and the constraints that an index of theirs stands for. */
const constraints = `(select * from pg_constraint where (contype = 'f' and (conrelid in ${chosen} or confrelid in ${chosen}))
    or (contype in ('p', 'u', 'x') and conrelid in ${chosen}))`;

/** Whether `c` is an extension's: then it is a superuser's, and some of its rows may be the extension's own. */
const extensions = `exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e')`;

/** Why the rows of some tables of a database cannot be replaced by themselves, if they cannot. */
export async function obstacle(client: Client, tables: string[]): Promise<string | undefined> {
    const { rows } = await client.query<{ reason: string }>(
        `select 'it has materialized views' as reason where exists (select from pg_class where relkind = 'm')
         union all
         select format('table %s %s', one, case
                    when c.oid is null then 'is not there'
                    when c.relkind <> 'r' then 'is no plain table'
                    when c.relforcerowsecurity then 'hides rows from its owner'
                    when ${extensions} then 'belongs to an extension'
                    else 'inherits, or is inherited from' end)
           from unnest($1::text[]) one left join pg_class c on c.oid = to_regclass(one)
          where c.oid is null or c.relkind <> 'r' or c.relforcerowsecurity
             or ${extensions} or exists (select from pg_inherits where c.oid in (inhrelid, inhparent))
         union all
         select format('a foreign key connects table %s with a partitioned one', conrelid::regclass) from ${keys} as key
          where conparentid <> 0 or exists (select from pg_class c where c.oid in (conrelid, confrelid) and relkind = 'p')
         limit 1`,
        [tables],
    );
    return rows[0]?.reason;
}

/** Reads what hangs on some tables. */
export async function readAttachments(client: Client, tables: string[]): Promise<Attachments> {
    const rows = async <T extends object>(sql: string) => (await client.query<T>(sql, [tables])).rows;
    const found = {
        tables: await rows<{ table: string }>(
            `select oid::regclass::text as table from pg_class where oid in ${chosen}`,
        ),
        owners: await rows<Attachments["owners"][number]>(
            `select c.oid::regclass::text as table, quote_ident(pg_get_userbyid(relowner)) as owner from pg_class c
              where oid in ${chosen} or oid in (select conrelid from ${keys} key union select confrelid from ${keys} key)
              order by 1`,
        ),
        constraints: await rows<Attachments["constraints"][number]>(
            `select conrelid::regclass::text as table, quote_ident(conname) as constraint from ${constraints} c
              order by contype <> 'f', 1, 2`,
        ),
        indexes: await rows<{ index: string }>(
            `select indexrelid::regclass::text as index from pg_index i where indrelid in ${chosen}
                and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))
              order by 1`,
        ),
        triggers: await rows<Attachments["triggers"][number]>(
            `select tgrelid::regclass::text as table, quote_ident(tgname) as trigger, tgenabled as enabled from pg_trigger
              where tgrelid in ${chosen} and not tgisinternal and tgenabled <> 'D' order by 1, 2`,
        ),
        schemas: await rows<{ schema: string }>(
            `select distinct relnamespace::regnamespace::text as schema from pg_class where oid in ${chosen} order by 1`,
        ),
        definitions: await rows(
            `select pg_get_constraintdef(oid) as definition, conname as name, conrelid::regclass::text as table,
                    convalidated::text as flags,
                    obj_description(oid, 'pg_constraint') as comment from ${constraints} c
             union all
             select pg_get_indexdef(indexrelid), '', '', concat(indisvalid, indisready, indisclustered, indisreplident),
                    obj_description(indexrelid, 'pg_class') from pg_index where indrelid in ${chosen}
             union all
             select attname || ' ' || attstattarget, '', attrelid::regclass::text, '', null from pg_attribute
              where attrelid in (select indexrelid from pg_index where indrelid in ${chosen})
             order by 1, 2, 3`,
        ),
    };
    const { definitions, ...attachments } = found;
    return {
        ...attachments,
        tables: found.tables.map(({ table }) => table),
        indexes: found.indexes.map(({ index }) => index),
        schemas: found.schemas.map(({ schema }) => schema),
        description: JSON.stringify([definitions, found.owners, found.triggers]),
    };
}

/**
 * Takes off what has to be made anew of other rows, and gives the tables to whoever loads.
 *
 * Nothing that the database itself defines runs meanwhile: no trigger, and no expression of an index.
 */
export async function detach(client: Client, attachments: Attachments, loader: string): Promise<void> {
    const { owners, constraints, indexes, triggers, schemas } = attachments;
    await inTransaction(client, [
        ...constraints.map(({ table, constraint }) => `alter table ${table} drop constraint ${constraint}`),
        ...indexes.map((index) => `drop index ${index}`),
        ...new Set(triggers.map(({ table }) => `alter table ${table} disable trigger user`)),
        ...owners.map(({ table }) => `alter table ${table} owner to ${name(loader)}`),
        // Whoever makes an index has to be let to make something there.
        ...schemas.map((schema) => `grant usage, create on schema ${schema} to ${name(loader)}`),
    ]);
}

/** Gives tables back to their owners, with their triggers. What was taken off has been made anew. */
export async function attach(client: Client, { owners, triggers }: Attachments, loader: string): Promise<void> {
    const words = { O: "enable", A: "enable always", R: "enable replica" };
    await inTransaction(client, [
        ...owners.map(({ table, owner }) => `alter table ${table} owner to ${owner}`),
        ...triggers.map(({ table, trigger, enabled }) => `alter table ${table} ${words[enabled]} trigger ${trigger}`),
        `drop owned by ${name(loader)}`,
    ]);
}

async function inTransaction(client: Client, statements: string[]): Promise<void> {
    await client.query("begin");
    for (const statement of statements) {
        await client.query(statement);
    }
    await client.query("commit");
}
