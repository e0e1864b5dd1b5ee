import type { Client, DatabaseError, QueryResult } from "pg";
import type { Plan } from "../../contract";
import { type Hook, type HookPoint, type HookReport, type HooksPlan, hookPrefix } from "../../contract/hooks";
import { type Acting, actingAsOwner } from "../postgres/acting";
import { readSecret, type Server } from "../postgres/server";
import { log, plural } from "../report";
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
    const here = hooks?.at[point] ?? [];
    if (hooks === undefined || here.length === 0) {
        return [];
    }
    const ran: HookReport[] = [];
    const secrets = await secretsOf(hooks);
    for (const hook of here) {
        const owner = databases.find(({ name }) => name === hook.database)?.owner ?? "";
        const acting = { generation, database: databaseOf(hook.database), owner };
        const start = performance.now();
        const rows = await runHook(hook, hooks, secrets, server, acting, signal).catch((error: Error) => {
            signal.throwIfAborted();
            throw new Error(
                withoutSecrets(`The hook ${hook.name} (${point}, database ${hook.database}) ${error.message}`),
            );
        });
        const seconds = Math.round(performance.now() - start) / 1000;
        log(`${point}: ${hook.name}, ${plural(rows, "row")}, ${seconds} s`);
        ran.push({ point, name: hook.name, database: hook.database, rows, seconds });
    }
    return ran;

    /** The server's words can hold the values that a statement was about. */
    function withoutSecrets(sentence: string): string {
        return Object.entries(secrets).reduce((text, [name, value]) => text.replaceAll(value, `<${name}>`), sentence);
    }
}

async function secretsOf({ secrets }: HooksPlan): Promise<Record<string, string>> {
    const read = Object.entries(secrets).map(async ([name, file]) => [name, await readSecret(file)] as const);
    return Object.fromEntries(await Promise.all(read));
}

async function runHook(
    hook: Hook,
    { variables, timeout }: HooksPlan,
    secrets: Record<string, string>,
    server: Server,
    acting: Acting,
    signal: AbortSignal,
): Promise<number> {
    const statements = statementsOf(hook.sql);
    const late = AbortSignal.timeout(timeout * 1000);
    try {
        return await actingAsOwner(server, acting, AbortSignal.any([signal, late]), async (client) => {
            for (const [name, value] of Object.entries({ ...variables, ...secrets })) {
                await client.query("select set_config($1, $2, false)", [`${hookPrefix}.${name}`, value]);
            }
            return hook.transaction ? inTransaction(client, statements) : inTurn(client, statements);
        });
    } catch (error) {
        if (late.aborted && !signal.aborted) {
            throw new Error(`took longer than hooks.timeout (${timeout} s) and was ended: see what it waits for.`);
        }
        throw error;
    }
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
