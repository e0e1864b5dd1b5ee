import { randomBytes } from "node:crypto";
import type { Connection } from "mysql2/promise";
import { generationName } from "../../contract";
import type { MysqlDatabasePlan } from "../../contract/mysql";
import type { Visitor } from "./connect";
import { dropScratchAccount, endSessionsOf, scratchAccount } from "./generations";
import { quoted } from "./rows";
import type { MysqlServer } from "./server";

/** Rights on a database that let nobody out of it, nor wake its events. */
export const rights =
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

/** A database's name where rights are given: there, two characters stand for others. */
export function pattern(database: string): string {
    return quoted(patternOf(database));
}

/** The same as text, and as the server lists it. */
export function patternOf(database: string): string {
    return database.replaceAll(/[_%\\]/g, "\\$&");
}
