import type { Client } from "pg";
import type { Plan } from "../../contract";
import { Refusal } from "../refusal";
import { log } from "../report";
import { type Generation, readGenerations, removeGeneration } from "./generations";
import { openServer } from "./server";

/** What became of the generations that are no longer asked for. */
export interface Retired {
    removed: string[];
    /** Those that somebody is connected to. */
    inUse: string[];
}

/**
 * Drops the former databases beyond the plan's number, unfinished ones, and proven ones that a later one has
 * overtaken.
 *
 * @throws {Refusal} when the plan's generation is not the live one
 */
export async function retireDatabases(plan: Plan, signal: AbortSignal): Promise<Retired> {
    const { database } = plan;
    const server = await openServer(plan, "retire");
    try {
        const generations = await readGenerations(server.admin, database.name);
        const live = generations.find(({ state }) => state === "live");
        if (live?.id !== database.generation) {
            throw new Refusal(
                `Generation ${live?.id ?? "(none)"} of database ${database.name} is live, not ${database.generation}: ` +
                    "run switch first.",
            );
        }
        const retired: Retired = { removed: [], inUse: [] };
        for (const generation of superseded(generations, live, database.keepGenerations)) {
            signal.throwIfAborted();
            if (await isConnected(server.admin, generation)) {
                log(`generation ${generation.id} stays: somebody is connected to ${generation.database}`);
                retired.inUse.push(generation.id);
            } else {
                await removeGeneration(server.admin, generation);
                retired.removed.push(generation.id);
            }
        }
        return retired;
    } finally {
        await server.close();
    }
}

/** The generations that nobody will go back to. */
export function superseded(generations: Generation[], live: Generation, keep: number): Generation[] {
    const time = ({ switched }: Generation) => switched?.getTime() ?? 0;
    const former = generations.filter(({ state }) => state === "former").sort((a, b) => time(b) - time(a));
    const overtaken = generations.filter(({ state, created }) => state === "proven" && created.getTime() < time(live));
    const unfinished = generations.filter(({ state }) => state === "preparing");
    return [...former.slice(keep), ...overtaken, ...unfinished];
}

async function isConnected(admin: Client, { database }: Generation): Promise<boolean> {
    const { rows } = await admin.query<{ count: string }>(
        "select count(*) from pg_stat_activity where datname = $1 and backend_type = 'client backend'",
        [database],
    );
    return rows[0]?.count !== "0";
}
