import type { Client } from "pg";
import type { Column } from "./mask/columns";

/**
 * Changes columns in one transaction. What production set off with a change of theirs is not set off: it would write down what
 * they held, or act as production. Keys that refer to each other are compared when all are changed.
 *
 * @param client the tables' owner's
 */
export async function undisturbed<T>(
    client: Client,
    columns: Pick<Column, "schema" | "table" | "name">[],
    work: () => Promise<T>,
): Promise<T> {
    await client.query("begin");
    const undo = await setAside(client, columns);
    const done = await work();
    await client.query("set constraints all immediate");
    for (const statement of undo) {
        await client.query(statement);
    }
    await refreshViews(client);
    await client.query("commit");
    return done;
}

/**
 * Sets aside what stands in the way of a change: triggers, row security that binds the owner as well, and keys that are
 * compared at once.
 *
 * @returns statements that bring it back
 */
async function setAside(client: Client, columns: Pick<Column, "schema" | "table" | "name">[]): Promise<string[]> {
    const { rows } = await client.query<{ aside: string; back: string }>(
        `with changed as (
             select distinct c.oid as class, c.oid::regclass::text as called, attnum
               from unnest($1::text[], $2::text[], $3::text[]) as each (schema, "table", name)
                    join pg_namespace on nspname = schema join pg_class c on relnamespace = pg_namespace.oid and relname = "table"
                    join pg_attribute on attrelid = c.oid and attname = name
         ),
         class as (
             select distinct coalesce(inhrelid, class) as class
               from changed left join lateral (select relid as inhrelid from pg_partition_tree(class)) as part on true
         )
         select format('alter table %s disable trigger %I', tgrelid::regclass, tgname) as aside,
                format('alter table %s enable %s trigger %I', tgrelid::regclass,
                       case tgenabled when 'A' then 'always' when 'R' then 'replica' else '' end, tgname) as back
           from pg_trigger join class on class = tgrelid where not tgisinternal and tgenabled <> 'D' and tgparentid = 0
         union all
         select format('alter table %s no force row level security', oid::regclass),
                format('alter table %s force row level security', oid::regclass)
           from pg_class join class on class = oid where relforcerowsecurity
         union all
         select format('alter table %s alter constraint %I deferrable initially deferred', conrelid::regclass, conname),
                format('alter table %s alter constraint %I not deferrable', conrelid::regclass, conname)
           from pg_constraint
          where contype = 'f' and not condeferrable and conparentid = 0
            and exists (select from changed
                         where class = conrelid and attnum = any (conkey) or class = confrelid and attnum = any (confkey))`,
        [columns.map(({ schema }) => schema), columns.map(({ table }) => table), columns.map((column) => column.name)],
    );
    for (const { aside } of rows) {
        await client.query(aside);
    }
    await client.query("set constraints all deferred");
    return rows.map(({ back }) => back);
}

/** What was computed of the tables before still has what they held. The older ones first: others may be made of them. */
async function refreshViews(client: Client): Promise<void> {
    const { rows } = await client.query<{ view: string }>(
        `select oid::regclass::text as view from pg_class
          where relkind = 'm' and relispopulated and pg_get_userbyid(relowner) = current_user order by oid`,
    );
    for (const { view } of rows) {
        await client.query(`refresh materialized view ${view}`);
    }
}
