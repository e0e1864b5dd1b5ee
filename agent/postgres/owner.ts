import { type Client, escapeLiteral as text } from "pg";
import type { Server } from "./server";

/** First version that tells which columns of its catalogs name a role. */
const telling = 14;

/**
 * Whether what a role owns and may do in a database can become another's: whoever is named there already, for things of
 * their own, would have both.
 */
export async function canChangeOwner(
    { admin, major }: Server,
    { database, owner }: { database: string; owner: string },
    heir: string,
): Promise<boolean> {
    if (owner === heir) {
        return true;
    }
    const { rows } = await admin.query<{ named: boolean }>(
        `select exists (
             select from pg_shdepend
              where dbid = (select oid from pg_database where datname = $1)
                and refclassid = 'pg_authid'::regclass
                and refobjid = (select oid from pg_roles where rolname = $2)) as named`,
        [database, heir],
    );
    return major >= telling && rows[0]?.named === false;
}

/**
 * Makes all that a role owns and may do in a database another's, who is not named in it yet.
 *
 * The catalogs are changed, and in this database alone. REASSIGN OWNED would give away the role's other databases as well,
 * and leave to it its rights on what others own, its policies and its default privileges.
 *
 * @param client superuser's connection to that database, in which nobody else is
 * @param owner a name that needs no quotes, as the heir's
 */
export async function changeOwner(client: Client, owner: string, heir: string): Promise<void> {
    if (owner === heir) {
        return;
    }
    const { rows } = await client.query<{ statement: string }>(
        `with role as (select (select oid from pg_roles where rolname = $1) as owner,
                              (select oid from pg_roles where rolname = $2) as heir)
         select case when is_array
                    then format('update %s set %2$I = array_replace(%2$I, %3$L::oid, %4$L::oid) where %3$L::oid = any (%2$I)',
                                fktable, fkcols[1], owner, heir)
                    else format('update %s set %2$I = %4$L where %2$I = %3$L', fktable, fkcols[1], owner, heir)
                end as statement
           from role, pg_get_catalog_foreign_keys() join pg_class on pg_class.oid = fktable
          where pktable = 'pg_authid'::regclass and not relisshared
         union all
         select format('update pg_shdepend set refobjid = %L where refobjid = %L and refclassid = %L::regclass and dbid = %L',
                       heir, owner, 'pg_authid',
                       (select oid from pg_database where datname = current_database()))
           from role`,
        [owner, heir],
    );
    await client.query("begin");
    for (const { statement } of rows) {
        await client.query(statement);
    }
    await changeRights(client, owner, heir);
    await client.query("commit");
}

/** Changes who has been given rights and who has given them: `owner=r/owner` becomes `heir=r/heir`. */
async function changeRights(client: Client, owner: string, heir: string): Promise<void> {
    const { rows } = await client.query<{ table: string; column: string }>(
        `select attrelid::regclass::text as table, quote_ident(attname) as column
           from pg_attribute join pg_class on pg_class.oid = attrelid
          where atttypid = 'aclitem[]'::regtype and relkind = 'r' and not relisshared
            and relnamespace = 'pg_catalog'::regnamespace`,
    );
    const named = text(`^${owner}=|/${owner}$`);
    const renamed = `regexp_replace(regexp_replace(item::text, ${text(`^${owner}=`)}, ${text(`${heir}=`)}),
        ${text(`/${owner}$`)}, ${text(`/${heir}`)})::aclitem`;
    for (const { table, column } of rows) {
        await client.query(
            `update ${table} set ${column} = array(
                 select case when item::text ~ ${named} then ${renamed} else item end
                   from unnest(${column}) with ordinality as each (item, place) order by place)
              where exists (select from unnest(${column}) item where item::text ~ ${named})`,
        );
    }
}
