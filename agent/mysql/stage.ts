import { randomBytes } from "node:crypto";
import type { Connection } from "mysql2/promise";
import { generationName } from "../../contract";
import type { MysqlDatabase, MysqlDatabasePlan } from "../../contract/mysql";
import { readSecret } from "../postgres/server";
import type { Visitor } from "./connect";
import { dropScratchAccount, endSessionsOf, scratchAccount } from "./generations";
import { quoted } from "./rows";
import type { MysqlServer } from "./server";

/** Rights on a database that let nobody out of it, nor wake its events. */
const rights =
    "select, insert, update, delete, create, drop, references, index, alter, create temporary tables, lock tables, " +
    "create view, show view, create routine, alter routine, execute, trigger";

/**
 * Makes the account that loads and changes a generation, with rights on its databases and on nothing else: whatever a dump
 * or a hook holds runs as this account. What has code of its own belongs to it as long as the generation is not live.
 *
 * @param databases by the names that they have now
 */
export async function makeScratchAccount(admin: Connection, id: string, databases: string[]): Promise<Visitor> {
    const user = scratchAccount(id);
    const password = randomBytes(24).toString("base64url");
    await dropScratchAccount(admin, id);
    await admin.query(`create user ${quoted(user)}@'%' identified by '${password}'`);
    for (const database of databases) {
        await admin.query(`grant ${rights}, event on ${pattern(database)}.* to ${quoted(user)}@'%'`);
    }
    return { user, password };
}

/** Nobody can log in as the account of a generation any more. */
export async function lockScratchAccount(admin: Connection, id: string): Promise<void> {
    await admin.query(`alter user ${scratchOwner(id)} account lock`);
    await endSessionsOf(admin, scratchAccount(id));
}

/** The account of a generation, as SQL names it. */
export function scratchOwner(id: string): string {
    return `${quoted(scratchAccount(id))}@'%'`;
}

/** Makes the empty databases of a generation. */
export async function makeDatabases(
    { admin }: MysqlServer,
    { generation, databases }: MysqlDatabasePlan,
): Promise<void> {
    for (const { name } of databases) {
        await admin.query(`create database ${quoted(generationName(name, generation))} character set utf8mb4`);
    }
}

/**
 * Makes sure that the application's account is there, has its password, and rights on the live databases.
 *
 * @returns the account, as SQL names it
 */
export async function ensureLogin(
    admin: Connection,
    { login }: MysqlDatabasePlan,
    databases: readonly MysqlDatabase[],
): Promise<string> {
    const password = await readSecret(login.passwordFile);
    const account = loginAccount(login);
    await admin.query(`create user if not exists ${account} identified by ''`);
    await admin.query(`alter user ${account} identified by ${textOf(password)}`);
    for (const { name } of databases) {
        await admin.query(`grant ${rights} on ${pattern(name)}.* to ${account}`);
    }
    return account;
}

/** The application's account, as SQL names it. */
export function loginAccount({ user }: MysqlDatabasePlan["login"]): string {
    return `${quoted(user)}@'%'`;
}

/** A password takes no expression; the session's mode knows backslashes. */
function textOf(text: string): string {
    return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}

/** A database's name where rights are given: there, two characters stand for others. */
export function pattern(database: string): string {
    return quoted(database.replaceAll(/[_%\\]/g, "\\$&"));
}
