import type { Client } from "pg";
import type { Plan } from "../../contract";
import { commandAt, hooksId } from "../../contract/hooks";
import { withServer } from "../postgres/server";
import { plural } from "../report";
import { runHooks } from "./hooks";

/**
 * Runs the hooks of a point once for each time that the plan's copies become the live ones, and once more when the hooks
 * are others: a run that is repeated does not repeat them.
 *
 * @returns a sentence on what was run; empty if there was nothing to run
 * @throws {Error} a sentence when one fails; the copies are live all the same
 */
export async function runHooksOnce(point: keyof typeof commandAt, plan: Plan, signal: AbortSignal): Promise<string> {
    const id = hooksId(plan.hooks, point);
    if (id === undefined) {
        return "";
    }
    const { generation } = plan.database;
    return withServer(plan, commandAt[point], signal, async (server) => {
        if ((await doneAt(server.admin, generation, point)) === id) {
            return "";
        }
        const ran = await runHooks(point, plan, server, (live) => live, signal).catch((error: Error) => {
            throw new Error(`${error.message} The new copies are live: correct the hook and run again.`);
        });
        await server.admin.query(
            "update understudy.generation set hooks = hooks || jsonb_build_object($2::text, $3::text) where id = $1",
            [generation, point, id],
        );
        const rows = ran.reduce((sum, one) => sum + one.rows, 0);
        return ` ${plural(ran.length, "hook")} run (${point}), ${plural(rows, "row")}.`;
    });
}

/** The hooks that were run last at a point since the copies became live. */
async function doneAt(admin: Client, generation: string, point: string): Promise<string | undefined> {
    const { rows } = await admin.query<{ done: string | null }>(
        "select hooks ->> $2 as done from understudy.generation where id = $1 and position = 0",
        [generation, point],
    );
    return rows[0]?.done ?? undefined;
}
