import type { Connection } from "mysql2/promise";
import type { MysqlDatabasePlan, MysqlPlan } from "../../contract/mysql";
import { readSecret } from "../postgres/server";
import { quoted, rowsOf } from "./rows";
import { pattern, patternOf, rights } from "./stage";

/**
 * Makes sure that the application's account is there, has its password, and rights on the live databases. Of one that is
 * made, it is written down for which stack.
 *
 * @returns the account, as SQL names it
 */
export async function ensureLogin(
    admin: Connection,
    { stack, database: { login, databases } }: MysqlPlan,
): Promise<string> {
    const password = await readSecret(login.passwordFile);
    const account = loginAccount(login);
    if ((await rowsOf(admin, "select 1 from mysql.user where user = ? and host = '%'", [login.user])).length === 0) {
        await admin.query("replace into understudy.account (name, stack) values (?, ?)", [login.user, stack]);
        await admin.query(`create user if not exists ${account} identified by ''`);
    }
    await admin.query(`alter user ${account} identified by ${textOf(password)}`);
    for (const { name } of databases) {
        await admin.query(`grant ${rights} on ${pattern(name)}.* to ${account}`);
    }
    return account;
}

/**
 * Takes away the account's rights on the live databases, and the account with them, if it was made for this stack and has
 * no rights elsewhere.
 *
 * @returns whether the account is gone
 */
export async function dropLogin(admin: Connection, { stack, database }: MysqlPlan): Promise<boolean> {
    const { user } = database.login;
    const account = loginAccount(database.login);
    const before = await schemasOf(admin, user);
    for (const { name } of database.databases.filter(({ name }) => before.includes(patternOf(name)))) {
        await admin.query(`revoke ${rights} on ${pattern(name)}.* from ${account}`);
    }
    const own = await rowsOf(admin, "select 1 from understudy.account where name = ? and stack = ?", [user, stack]);
    if (own.length === 0 || (await schemasOf(admin, user)).length > 0) {
        return false;
    }
    await admin.query(`drop user if exists ${account}`);
    await admin.query("delete from understudy.account where name = ?", [user]);
    return true;
}

/** Databases on which an account has rights, as patterns. */
async function schemasOf(admin: Connection, user: string): Promise<string[]> {
    const rows = await rowsOf<{ name: string }>(
        admin,
        "select distinct table_schema as name from information_schema.schema_privileges where grantee = ?",
        [`'${user}'@'%'`],
    );
    return rows.map(({ name }) => name);
}

/** The application's account, as SQL names it. */
export function loginAccount({ user }: MysqlDatabasePlan["login"]): string {
    return `${quoted(user)}@'%'`;
}

/** A password takes no expression; the session's mode knows backslashes. */
function textOf(text: string): string {
    return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
