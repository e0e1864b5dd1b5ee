import type { Client } from "pg";
import type { Plan } from "../../contract";
import { databaseReport } from "../../contract/report";
import { Refusal } from "../refusal";
import { log } from "../report";
import { superseded } from "../superseded";
import { type Base, baseId, readBases, removeBase } from "./base";
import {
    currentNames,
    describeGeneration,
    dropUnusedRoles,
    type Generation,
    readAllGenerations,
    readGenerations,
    removeGeneration,
} from "./generations";
import { withServer } from "./server";

/** What became of the generations that are no longer asked for. */
export interface Retired {
    removed: string[];
    /** Those that somebody is connected to. */
    inUse: string[];
    /** Bases that went. */
    bases: string[];
}

/**
 * Drops the former databases beyond the plan's number, unfinished ones, and proven ones that a later one has
 * overtaken, and bases that neither the live one nor those of other stacks were made out of.
 *
 * @throws {Refusal} when the plan's generation is not the live one
 */
export async function retireDatabases(plan: Plan, signal: AbortSignal): Promise<Retired> {
    const { database } = plan;
    return withServer(plan, "retire", signal, async (server) => {
        const generations = await readGenerations(server.admin, plan);
        const live = generations.find(({ state }) => state === "live");
        if (live?.id !== database.generation) {
            throw new Refusal(
                `${describeGeneration(live?.id ?? "(none)", database.databases)} is live, not ${database.generation}: ` +
                    "run switch first.",
            );
        }
        const retired: Retired = { removed: [], inUse: [], bases: [] };
        for (const generation of superseded(generations, live, database.keepGenerations)) {
            signal.throwIfAborted();
            const used = await connectedOf(server.admin, generation);
            if (used.length > 0) {
                log(`generation ${generation.id} stays: somebody is connected to ${used.join(", ")}`);
                retired.inUse.push(generation.id);
            } else {
                await removeGeneration(server.admin, generation.id, generation.databases);
                retired.removed.push(generation.id);
            }
        }
        const others = (await readAllGenerations(server.admin)).filter(({ stack }) => stack !== plan.stack);
        for (const base of await readBases(server.admin)) {
            signal.throwIfAborted();
            const own = database.keepBase && base.rules === database.rules && isBaseOf(base, live);
            if (!own && !others.some((other) => awaitsUse(other) && isBaseOf(base, other))) {
                await removeBase(server.admin, base);
                retired.bases.push(base.id);
            }
        }
        await dropUnusedRoles(server.admin);
        return retired;
    });
}

/** Whether a generation is live, or may be soon. What other stacks will do with theirs is not for this one to know. */
function awaitsUse({ state }: Generation): boolean {
    return state === "live" || state === "proven";
}

/** Whether a base is of a generation's backups, or that generation was made out of it. */
function isBaseOf({ id, rules }: Base, { databases }: Generation): boolean {
    const proven = databases.flatMap(({ report }) => databaseReport.safeParse(report).data ?? []);
    const used = proven.some(({ base }) => base === id);
    return proven.length === databases.length && (used || id === baseId(rules, proven));
}

/** The generation's databases that somebody is connected to. */
async function connectedOf(admin: Client, generation: Generation): Promise<string[]> {
    const { rows } = await admin.query<{ datname: string }>(
        `select distinct datname from pg_stat_activity
          where datname = any ($1) and backend_type = 'client backend' order by 1`,
        [currentNames(generation)],
    );
    return rows.map(({ datname }) => datname);
}
