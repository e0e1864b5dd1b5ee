import type { Plan } from "../../../contract";
import type { RewritesFound } from "../../../contract/identity";
import { readGenerations } from "../../postgres/generations";
import { inspectServer, withClient } from "../../postgres/server";
import { Refusal } from "../../refusal";
import { columnsOf } from "../mask/columns";
import { problemsOf, rewritableIn, tablesOf } from "./check";
import { rewritingIn } from "./look";
import { countRewrites } from "./rewrite";

/**
 * Counts what the plan's rules would rewrite in the copy that is in use, and changes nothing.
 *
 * @returns {@link RewritesFound} as one line of JSON
 * @throws {Refusal} when there is no copy, or the rules are not for it
 */
export async function countInUse(plan: Plan, signal: AbortSignal): Promise<string> {
    const { rewrite = [], databases = {} } = plan.identity ?? {};
    const server = await inspectServer(plan, "count-rewrites");
    try {
        const live = (await readGenerations(server.admin, plan)).find(({ state }) => state === "live");
        if (live === undefined) {
            throw new Refusal("There is no copy in use to count in: run understudy up first.");
        }
        const counted: RewritesFound = {};
        for (const { name, current } of live.databases) {
            const wanted = databases[name];
            counted[name] = await withClient(server, current, signal, async (client) => {
                const tables = tablesOf(await columnsOf(client));
                const problems = wanted === undefined ? [] : problemsOf(tables, wanted);
                if (problems.length > 0) {
                    throw new Refusal(`Database ${name} and the stack file do not fit: ${problems.join("; ")}.`);
                }
                return wanted === undefined || rewrite.length === 0
                    ? {}
                    : countRewrites(client, rewritableIn(tables, wanted), await rewritingIn(client, rewrite));
            });
        }
        return JSON.stringify(counted);
    } finally {
        await server.close();
    }
}
