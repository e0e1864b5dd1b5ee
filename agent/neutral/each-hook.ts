import type { Hook, HookPoint, HookReport, HooksPlan } from "../../contract/hooks";
import { readSecret } from "../postgres/server";
import { log, plural } from "../report";

/** Runs one hook with its values, and tells how many rows its statements have changed or given. Ends when it is told to. */
export type RunHook = (hook: Hook, values: Record<string, string>, signal: AbortSignal) => Promise<number>;

/**
 * Runs the stack's hooks of a point, one after the other.
 *
 * @returns what each has come to
 * @throws {Error} a sentence that names the hook and no secret, when it fails or takes too long
 */
export async function runEach(
    point: HookPoint,
    hooks: HooksPlan | undefined,
    signal: AbortSignal,
    run: RunHook,
): Promise<HookReport[]> {
    const here = hooks?.at[point] ?? [];
    if (hooks === undefined || here.length === 0) {
        return [];
    }
    const ran: HookReport[] = [];
    const secrets = await secretsOf(hooks);
    for (const hook of here) {
        const start = performance.now();
        const rows = await inTime(hook, hooks, secrets, signal, run).catch((error: Error) => {
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

async function inTime(
    hook: Hook,
    { variables, timeout }: HooksPlan,
    secrets: Record<string, string>,
    signal: AbortSignal,
    run: RunHook,
): Promise<number> {
    const late = AbortSignal.timeout(timeout * 1000);
    try {
        return await run(hook, { ...variables, ...secrets }, AbortSignal.any([signal, late]));
    } catch (error) {
        if (late.aborted && !signal.aborted) {
            throw new Error(`took longer than hooks.timeout (${timeout} s) and was ended: see what it waits for.`);
        }
        throw error;
    }
}
