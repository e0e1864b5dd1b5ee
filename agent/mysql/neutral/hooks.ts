import type { Connection, ResultSetHeader } from "mysql2/promise";
import { type Hook, type HookPoint, type HookReport, type HooksPlan, hookPrefix } from "../../../contract/hooks";
import { runEach } from "../../neutral/each-hook";
import type { HookStatement } from "../../neutral/statements";
import type { Visitor } from "../connect";
import { quoted } from "../rows";
import { type MysqlServer, withConnection } from "../server";
import { statementsOf } from "./statements";

/**
 * Runs the stack's hooks of a point, one after the other, each in a session of its own.
 *
 * @param visitor account that has rights on the databases and on nothing else
 * @param databaseOf the database that a live name stands for at this point
 * @returns what each has come to
 * @throws {Error} a sentence that names the hook, when it fails or takes too long
 */
export function runHooks(
    point: HookPoint,
    plan: HooksPlan | undefined,
    server: MysqlServer,
    visitor: Visitor,
    databaseOf: (live: string) => string,
    signal: AbortSignal,
): Promise<HookReport[]> {
    return runEach(point, plan, signal, (hook, values, signal) =>
        withConnection(server, { ...visitor, database: databaseOf(hook.database) }, signal, (connection) =>
            run(connection, hook, values),
        ),
    );
}

async function run(connection: Connection, { sql, transaction }: Hook, values: Record<string, string>) {
    const statements = statementsOf(sql);
    for (const [name, value] of Object.entries(values)) {
        await connection.query(`set @${quoted(`${hookPrefix}_${name}`)} = ?`, [value]);
    }
    if (!transaction) {
        return inTurn(connection, statements);
    }
    await connection.query("start transaction");
    const rows = await inTurn(connection, statements);
    await connection.query("commit");
    return rows;
}

async function inTurn(connection: Connection, statements: HookStatement[]): Promise<number> {
    let rows = 0;
    for (const { text, line } of statements) {
        const [result] = await connection.query(text).catch((error: Error) => {
            // The server counts the lines of its statement.
            const [, its = "1"] = / at line (\d+)$/.exec(error.message) ?? [];
            throw new Error(`fails at line ${line + Number(its) - 1}: ${error.message.replace(/ at line \d+$/, "")}.`);
        });
        rows += Array.isArray(result) ? result.length : ((result as ResultSetHeader).affectedRows ?? 0);
    }
    return rows;
}
