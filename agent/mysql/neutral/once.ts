import type { commandAt } from "../../../contract/hooks";
import { hooksId } from "../../../contract/hooks";
import type { MysqlPlan } from "../../../contract/mysql";
import { readSecret } from "../../postgres/server";
import { plural } from "../../report";
import { rowsOf } from "../rows";
import { withServer } from "../server";
import { runHooks } from "./hooks";

/**
 * Runs the hooks of a point once for each time that the plan's copies become the live ones, and once more when the hooks
 * are others: a run that is repeated does not repeat them. They run as the application does.
 *
 * @returns a sentence on what was run; empty if there was nothing to run
 * @throws {Error} a sentence when one fails; the copies are live all the same
 */
export async function runHooksOnce(
    point: keyof typeof commandAt,
    { hooks, ...plan }: MysqlPlan,
    signal: AbortSignal,
): Promise<string> {
    const id = hooksId(hooks, point);
    if (id === undefined) {
        return "";
    }
    const { generation, login } = plan.database;
    return withServer(plan, async (server) => {
        const [found] = await rowsOf<{ hooks: string | null }>(
            server.admin,
            "select hooks from understudy.generation where id = ? and position = 0",
            [generation],
        );
        const done: Record<string, string> = JSON.parse(found?.hooks ?? "{}");
        if (done[point] === id) {
            return "";
        }
        const visitor = { user: login.user, password: await readSecret(login.passwordFile) };
        const ran = await runHooks(point, hooks, server, visitor, (live) => live, signal).catch((error: Error) => {
            throw new Error(`${error.message} The new copies are live: correct the hook and run again.`);
        });
        await server.admin.query("update understudy.generation set hooks = ? where id = ?", [
            JSON.stringify({ ...done, [point]: id }),
            generation,
        ]);
        const rows = ran.reduce((sum, one) => sum + one.rows, 0);
        return ` ${plural(ran.length, "hook")} run (${point}), ${plural(rows, "row")}.`;
    });
}
