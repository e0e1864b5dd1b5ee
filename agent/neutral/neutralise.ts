import { generationName, type Plan } from "../../contract";
import type { HookReport } from "../../contract/hooks";
import { type Server, withClient } from "../postgres/server";
import { runHooks } from "./hooks";

/**
 * Makes a copy of production's data that is restored and proven one that cannot act as production, before anybody uses it.
 *
 * @returns what the stack's hooks have done to it
 * @throws {Error} a sentence when any of that fails; the copy must not be used then
 */
export async function neutralise(plan: Plan, server: Server, signal: AbortSignal): Promise<HookReport[]> {
    const { generation } = plan.database;
    const aside = (live: string) => generationName(live, generation);
    const ran = [
        ...(await runHooks("afterRestore", plan, server, aside, signal)),
        ...(await runHooks("beforeSwitch", plan, server, aside, signal)),
    ];
    // The planner knows what was restored.
    for (const database of new Set(ran.map(({ database }) => aside(database)))) {
        await withClient(server, database, signal, (client) => client.query("analyze"));
    }
    return ran;
}
