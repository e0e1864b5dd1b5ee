import { escapeIdentifier } from "pg";
import type { Plan } from "../../contract";
import { log, plural } from "../report";
import { readBases, removeBase } from "./base";
import { dropUnusedRoles, readAllGenerations, readGenerations, removeGeneration } from "./generations";
import { withServer } from "./server";
import { dropLogin } from "./stage";

/**
 * Removes all of the stack's databases and their roles from a server that stays; the copies that stacks share go with the
 * last of them. The marker stays, which somebody has put there, and nothing else on the server is touched.
 *
 * @returns a sentence on what was removed
 * @throws {Refusal} when the server is not the stack's
 */
export async function wipeDatabases(plan: Plan, signal: AbortSignal): Promise<string> {
    return withServer(plan, "retire", signal, async (server) => {
        const { admin } = server;
        const generations = await readGenerations(admin, plan);
        for (const { id, databases, state } of generations) {
            if (state === "live") {
                // Under its generation's name it goes like all others.
                for (const { current } of databases.filter(({ present }) => present)) {
                    await admin.query(`drop database if exists ${escapeIdentifier(current)} with (force)`);
                }
            }
            await removeGeneration(admin, id, databases);
            log(`generation ${id} is removed`);
        }
        if ((await readAllGenerations(admin)).length === 0) {
            for (const base of await readBases(admin)) {
                await removeBase(admin, base);
            }
        }
        const { login } = plan.database;
        const stays = login !== undefined && !(await dropLogin(admin, plan));
        await dropUnusedRoles(admin);
        const rest = stays
            ? `The marker and the role ${login} stay, which was not made for it alone.`
            : "The marker stays.";
        return `Removed ${plural(generations.length, "generation")} of the database. ${rest}`;
    });
}
