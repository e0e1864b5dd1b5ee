import type { Client, DatabaseError, QueryResult } from "pg";
import type { Plan } from "../../contract";
import { type Hook, type HookPoint, type HookReport, hookPrefix } from "../../contract/hooks";
import { type Acting, actingAsOwner } from "../postgres/acting";
import type { Server } from "../postgres/server";
import { runEach } from "./each-hook";
import { type HookStatement, statementsOf } from "./statements";

/** SQLSTATE of what cannot be in a transaction. */
const outsideOnly = "25001";

/**
 * Runs the stack's hooks of a point, one after the other, each in a session of its own as the database's owner.
 *
 * @param databaseOf the database that a live name stands for at this point
 * @returns what each has come to
 * @throws {Error} a sentence that names the hook, when it fails or takes too long; what it did is undone as far as it ran in
 *   a transaction
 */
export async function runHooks(
    point: HookPoint,
    { hooks, database: { databases, generation } }: Plan,
    server: Server,
    databaseOf: (live: string) => string,
    signal: AbortSignal,
): Promise<HookReport[]> {
    return runEach(point, hooks, signal, (hook, values, signal) => {
        const owner = databases.find(({ name }) => name === hook.database)?.owner ?? "";
        const acting = { generation, database: databaseOf(hook.database), owner };
        return runHook(hook, values, server, acting, signal);
    });
}

async function runHook(
    hook: Hook,
    values: Record<string, string>,
    server: Server,
    acting: Acting,
    signal: AbortSignal,
): Promise<number> {
    const statements = statementsOf(hook.sql);
    return actingAsOwner(server, acting, signal, async (client) => {
        for (const [name, value] of Object.entries(values)) {
            await client.query("select set_config($1, $2, false)", [`${hookPrefix}.${name}`, value]);
        }
        return hook.transaction ? inTransaction(client, statements) : inTurn(client, statements);
    });
}

async function inTransaction(client: Client, statements: HookStatement[]): Promise<number> {
    await client.query("begin");
    const rows = await inTurn(client, statements);
    await client.query("commit");
    return rows;
}

async function inTurn(client: Client, statements: HookStatement[]): Promise<number> {
    let rows = 0;
    for (const { text, line } of statements) {
        const { rowCount }: QueryResult = await client.query(text).catch((error: DatabaseError) => {
            const at = line + linesBefore(text, Number(error.position ?? 1));
            const advice = error.code === outsideOnly ? "; write transaction: false for it" : "";
            throw new Error(`fails at line ${at}: ${error.message}${advice}.`);
        });
        rows += rowCount ?? 0;
    }
    return rows;
}

/** Lines that end before a character, of which the first is 1. */
function linesBefore(text: string, position: number): number {
    return [...text].slice(0, position - 1).filter((character) => character === "\n").length;
}
