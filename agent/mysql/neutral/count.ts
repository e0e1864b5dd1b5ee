import type { RewritesFound } from "../../../contract/identity";
import type { MysqlPlan } from "../../../contract/mysql";
import { problemsOf, rewritableIn, tablesOf } from "../../neutral/identity/check";
import { Refusal } from "../../refusal";
import { readGenerations } from "../generations";
import { inspectServer, withConnection } from "../server";
import { columnsOf } from "./columns";
import { rewriteIn, rewritingOf } from "./rewrite";

/**
 * Counts what the plan's rules would rewrite in the copy that is in use, and changes nothing.
 *
 * @returns {@link RewritesFound} as one line of JSON
 * @throws {Refusal} when there is no copy, or the rules are not for it
 */
export async function countInUse(plan: MysqlPlan, signal: AbortSignal): Promise<string> {
    const { rewrite = [], databases = {} } = plan.identity ?? {};
    const server = await inspectServer(plan);
    try {
        const live = (await readGenerations(server.admin, plan)).find(({ state }) => state === "live");
        if (live === undefined) {
            throw new Refusal("There is no copy in use to count in: run understudy up first.");
        }
        const counted: RewritesFound = {};
        for (const { name, current } of live.databases) {
            const wanted = databases[name];
            counted[name] = await withConnection(server, { database: current }, signal, async (connection) => {
                const tables = tablesOf(await columnsOf(connection, current));
                const problems = wanted === undefined ? [] : problemsOf(tables, wanted);
                if (problems.length > 0) {
                    throw new Refusal(`Database ${name} and the stack file do not fit: ${problems.join("; ")}.`);
                }
                return wanted === undefined || rewrite.length === 0
                    ? {}
                    : rewriteIn(connection, rewritableIn(tables, wanted), rewritingOf(rewrite), "count");
            });
        }
        return JSON.stringify(counted);
    } finally {
        await server.close();
    }
}
