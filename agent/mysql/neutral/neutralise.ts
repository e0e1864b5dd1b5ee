import { generationName } from "../../../contract";
import type { MysqlPlan } from "../../../contract/mysql";
import type { DatabaseReport } from "../../../contract/report";
import type { Visitor } from "../connect";
import type { MysqlServer } from "../server";
import { runHooks } from "./hooks";

/** What was done to a database. */
type Done = Pick<DatabaseReport, "hooks" | "masked" | "identity">;

/**
 * Makes a copy of production's data that is restored and proven one that cannot act as production, before anybody uses it.
 *
 * @param visitor account of the generation
 * @returns what was done, by live name
 * @throws {Error} a sentence when any of that fails; the copy must not be used then
 */
export async function neutralise(
    plan: MysqlPlan,
    server: MysqlServer,
    visitor: Visitor,
    signal: AbortSignal,
): Promise<Map<string, Done>> {
    const { generation, databases } = plan.database;
    const aside = (live: string) => generationName(live, generation);
    const done = new Map<string, Done>(databases.map(({ name }) => [name, {}]));
    const run = (point: "afterRestore" | "beforeSwitch", hooks: MysqlPlan["hooks"]) =>
        runHooks(point, hooks, server, visitor, aside, signal);
    const before = await run("afterRestore", plan.hooks);
    const after = await run("beforeSwitch", plan.hooks);
    // Last of all: whatever else has been written to the copy, its mail goes where the stack file says.
    const mail = await run("beforeSwitch", plan.mail?.sql);
    const hooks = [...before, ...after, ...mail];
    for (const [name, its] of done) {
        const own = hooks.filter(({ database }) => database === name);
        Object.assign(its, own.length > 0 && { hooks: own });
    }
    return done;
}
