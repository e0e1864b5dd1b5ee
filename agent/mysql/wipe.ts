import type { MysqlPlan } from "../../contract/mysql";
import { log, plural } from "../report";
import { currentNames, readGenerations, removeGeneration } from "./generations";
import { dropLogin } from "./login";
import { quoted } from "./rows";
import { withServer } from "./server";
import { finishSwitching } from "./switching";

/**
 * Removes all of the stack's databases and the accounts that were made for them from a server that stays. The marker stays,
 * which somebody has put there, and nothing else on the server is touched.
 *
 * @returns a sentence on what was removed
 * @throws {Refusal} when the server is not the stack's
 */
export async function wipeDatabases(plan: MysqlPlan, signal: AbortSignal): Promise<string> {
    return withServer(plan, async (server) => {
        await finishSwitching(server, plan);
        const generations = await readGenerations(server.admin, plan);
        for (const generation of generations) {
            signal.throwIfAborted();
            // The live one has its databases under their own names.
            for (const name of currentNames(generation)) {
                await server.admin.query(`drop database if exists ${quoted(name)}`);
            }
            await removeGeneration(server.admin, generation.id, generation.databases);
            log(`generation ${generation.id} is removed`);
        }
        const { user } = plan.database.login;
        const rest = (await dropLogin(server.admin, plan))
            ? "The marker stays."
            : `The marker and the account ${user} stay, which was not made for it alone.`;
        return `Removed ${plural(generations.length, "generation")} of the database. ${rest}`;
    });
}
