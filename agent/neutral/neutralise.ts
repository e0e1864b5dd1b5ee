import { generationName, type Plan } from "../../contract";
import type { DatabaseReport } from "../../contract/report";
import { type Server, withClient } from "../postgres/server";
import { runHooks } from "./hooks";
import { Identity } from "./identity/identity";
import { refuseForbidden } from "./mask/leaks";
import { maskDatabase } from "./mask/mask";

/** What was done to a database. */
type Done = Pick<DatabaseReport, "hooks" | "masked" | "identity">;

/**
 * Makes a copy of production's data that is restored and proven one that cannot act as production, before anybody uses it.
 *
 * @returns what was done, by live name
 * @throws {Error} a sentence when any of that fails; the copy must not be used then
 */
export async function neutralise(plan: Plan, server: Server, signal: AbortSignal): Promise<Map<string, Done>> {
    const { generation, databases } = plan.database;
    const aside = (live: string) => generationName(live, generation);
    const done = new Map<string, Done>(databases.map(({ name }) => [name, {}]));
    const identities = new Map(databases.flatMap(({ name }) => identityOf(name)));
    const before = await runHooks("afterRestore", plan, server, aside, signal);
    for (const [name, its] of done) {
        const identity = identities.get(name);
        await identity?.rewrite();
        const masked = await maskDatabase(plan, name, server, signal);
        await identity?.settle();
        Object.assign(its, masked && { masked }, identity && { identity: identity.report });
    }
    const after = await runHooks("beforeSwitch", plan, server, aside, signal);
    // Last of all: whatever else has been written to the copy, its mail goes where the stack file says.
    const mail = await runHooks("beforeSwitch", { ...plan, hooks: plan.mail?.sql }, server, aside, signal);
    const hooks = [...before, ...after, ...mail];
    for (const [name, its] of done) {
        const own = hooks.filter(({ database }) => database === name);
        Object.assign(its, own.length > 0 && { hooks: own });
        await identities.get(name)?.prove();
        await withClient(server, aside(name), signal, async (client) => {
            await refuseForbidden(client, plan.masking?.forbidden ?? []);
            // The planner knows what was restored.
            if (Object.keys(its).length > 0) {
                await client.query("analyze");
            }
        });
    }
    return done;

    function identityOf(name: string): [string, Identity][] {
        const wanted = plan.identity?.databases[name];
        const rules = plan.identity?.rewrite ?? [];
        return wanted === undefined ? [] : [[name, new Identity(plan, name, rules, wanted, server, signal)]];
    }
}
