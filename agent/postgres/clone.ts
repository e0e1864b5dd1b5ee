import type { DatabasePlan, ReplicaDatabase } from "../../contract";
import { cloneBase, type Template } from "./base";
import { collationProblem } from "./catalogs";
import { changeOwner } from "./owner";
import { type Server, withClient } from "./server";
import { createOrCheck } from "./stage";

/**
 * Clones a base's database, and makes the plan's owner the owner of what is in it.
 *
 * @returns name of the clone; it is not proven yet
 * @throws {Error} when that cannot be done, or when text may sort in another way by now
 */
export async function clone(
    server: Server,
    plan: DatabasePlan,
    wanted: ReplicaDatabase,
    { database: template, owner }: Template,
    signal: AbortSignal,
): Promise<string> {
    const { admin, major } = server;
    const problem = await collationProblem(admin, major, template);
    if (problem !== undefined) {
        throw new Error(`The indexes over text in the base of ${wanted.name} may be out of order: ${problem}.`);
    }
    await createOrCheck(admin, wanted.owner);
    const database = await cloneBase(server, plan, wanted, template);
    await withClient(server, database, signal, (client) => changeOwner(client, owner, wanted.owner));
    return database;
}
