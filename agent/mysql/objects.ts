import type { Connection } from "mysql2/promise";
import { quoted, quotedIn, rowsOf } from "./rows";
import { type ObjectKind, objectKinds, sleeping, unqualified } from "./statement";

/** A view, trigger, routine or event, so that it can be made anew in another database. */
export interface DatabaseObject {
    kind: ObjectKind;
    name: string;
    /** Makes it in the session's database, for whoever {@link madeFor} names. */
    sql: string;
    /** Mode and character sets under which it was written. */
    settings: string;
}

const head = /\bDEFINER\s*=\s*`(?:[^`]|``)*`@`(?:[^`]|``)*`/i;

/** What `SHOW CREATE` calls the column with the statement. */
const statementColumn: Record<ObjectKind, string> = {
    function: "Create Function",
    procedure: "Create Procedure",
    view: "Create View",
    trigger: "SQL Original Statement",
    event: "Create Event",
};

/** The objects of a database, in an order in which they can be made, as far as their kinds go. */
export async function objectsIn(connection: Connection, database: string): Promise<DatabaseObject[]> {
    // In its own database a statement names none.
    await connection.query(`use ${quoted(database)}`);
    const found: DatabaseObject[] = [];
    for (const [kind, names] of await objectNames(connection, database)) {
        for (const name of names) {
            found.push(await objectOf(connection, kind, name));
        }
    }
    return found;
}

/** Names of a database's objects, by kind in the order in which they can be made. */
export async function objectNames(connection: Connection, database: string): Promise<Map<ObjectKind, string[]>> {
    const rows = await rowsOf<{ kind: ObjectKind; name: string }>(
        connection,
        `select lower(routine_type) as kind, routine_name as name from information_schema.routines where routine_schema = ?
          union all select 'view', table_name from information_schema.views where table_schema = ?
          union all (select 'trigger', trigger_name from information_schema.triggers where trigger_schema = ?
                      order by event_object_table, action_order)
          union all select 'event', event_name from information_schema.events where event_schema = ?`,
        [database, database, database, database],
    );
    return new Map(objectKinds.map((kind) => [kind, rows.filter((row) => row.kind === kind).map(({ name }) => name)]));
}

async function objectOf(connection: Connection, kind: ObjectKind, name: string): Promise<DatabaseObject> {
    const [row = {}] = await rowsOf<Record<string, string>>(connection, `show create ${kind} ${quoted(name)}`);
    const sql = row[statementColumn[kind]];
    if (sql === undefined || sql === null) {
        throw new Error(`The definition of ${kind} ${name} cannot be read: give database.server.user all rights.`);
    }
    const settings = [
        row.sql_mode !== undefined && `sql_mode = '${row.sql_mode}'`,
        row.collation_connection !== undefined && `collation_connection = ${row.collation_connection}`,
        row.time_zone !== undefined && `time_zone = '${row.time_zone}'`,
    ];
    return { kind, name, sql, settings: `set ${settings.filter((one) => one !== false).join(", ")}` };
}

/** The statement that makes an object whose code runs with the rights of an account. */
export function madeFor({ sql }: DatabaseObject, account: string): string {
    return sql.replace(head, `DEFINER=${account.replaceAll("$", "$$$$")}`);
}

/** The statement that drops an object of a database. */
export function dropping({ kind, name }: Pick<DatabaseObject, "kind" | "name">, database: string): string {
    return `drop ${kind} if exists ${quotedIn(database, name)}`;
}

/** The same without the names of databases that it may have been written with: it is made in another one. */
export function retargeted(object: DatabaseObject, databases: string[]): DatabaseObject {
    return { ...object, sql: unqualified(object.sql, databases) };
}

/** The same, but never due. */
export function sleepingEvent(object: DatabaseObject): DatabaseObject {
    return object.kind === "event" ? { ...object, sql: sleeping(object.sql) } : object;
}
