import { type Client, escapeIdentifier as name } from "pg";
import { grouped } from "../../grouped";
import type { Masked } from "./classify";
import { expressionFor, keySetting } from "./expression";
import { tableOf } from "./leaks";

/**
 * Masks columns in one transaction, set by set. What production set off with a change of theirs is not set off: it would
 * write down what they held. Keys that refer to each other are compared when all are masked.
 *
 * @param client the tables' owner's
 * @returns rows that were changed
 */
export async function updateColumns(client: Client, key: string, masked: Masked[]): Promise<number> {
    const tables = grouped(masked, tableOf);
    await client.query("begin");
    await client.query("select set_config($1, $2, true)", [keySetting, key]);
    const undo = await setAside(client, masked);
    let rows = 0;
    for (const [table, columns] of tables) {
        const plain = columns.filter(({ rule }) => rule !== "shuffle");
        if (plain.length > 0) {
            const set = plain.map((column) => `${name(column.name)} = ${expressionFor(column)}`).join(", ");
            rows += (await client.query(`update ${table} set ${set}`)).rowCount ?? 0;
        }
        for (const column of columns.filter(({ rule }) => rule === "shuffle")) {
            rows += (await client.query(shuffling(table, name(column.name)))).rowCount ?? 0;
        }
    }
    await client.query("set constraints all immediate");
    for (const statement of undo) {
        await client.query(statement);
    }
    await refreshViews(client);
    await client.query("commit");
    return rows;
}

/** Gives the values of a column to other rows that have one. */
function shuffling(table: string, column: string): string {
    const numbered = (order: string) =>
        `select tableoid, ctid, ${column} as value, row_number() over (order by ${order}) as number
           from ${table} where ${column} is not null`;
    return `with taker as (${numbered("tableoid, ctid")}), giver as (${numbered("random()")})
            update ${table} as t set ${column} = giver.value
              from taker join giver using (number) where t.tableoid = taker.tableoid and t.ctid = taker.ctid`;
}

/**
 * Sets aside what stands in the way of a change: triggers, row security that binds the owner as well, and keys that are
 * compared at once.
 *
 * @returns statements that bring it back
 */
async function setAside(client: Client, masked: Masked[]): Promise<string[]> {
    const { rows } = await client.query<{ aside: string; back: string }>(
        `with masked as (
             select distinct c.oid as class, c.oid::regclass::text as called, attnum
               from unnest($1::text[], $2::text[], $3::text[]) as each (schema, "table", name)
                    join pg_namespace on nspname = schema join pg_class c on relnamespace = pg_namespace.oid and relname = "table"
                    join pg_attribute on attrelid = c.oid and attname = name
         ),
         class as (
             select distinct coalesce(inhrelid, class) as class
               from masked left join lateral (select relid as inhrelid from pg_partition_tree(class)) as part on true
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
            and exists (select from masked
                         where class = conrelid and attnum = any (conkey) or class = confrelid and attnum = any (confkey))`,
        [masked.map(({ schema }) => schema), masked.map(({ table }) => table), masked.map((column) => column.name)],
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
