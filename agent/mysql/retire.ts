import type { Connection } from "mysql2/promise";
import type { MysqlPlan } from "../../contract/mysql";
import { Refusal } from "../refusal";
import { log } from "../report";
import { superseded } from "../superseded";
import { currentNames, describeGeneration, type Generation, readGenerations, removeGeneration } from "./generations";
import { rowsOf } from "./rows";
import { withServer } from "./server";
import { finishSwitching } from "./switching";

/** What became of the generations that are no longer asked for. */
export interface Retired {
    removed: string[];
    /** Those that somebody is connected to. */
    inUse: string[];
}

/**
 * Drops the former databases beyond the plan's number, unfinished ones, and proven ones that a later one has overtaken.
 *
 * @throws {Refusal} when the plan's generation is not the live one
 */
export async function retireDatabases(plan: MysqlPlan, signal: AbortSignal): Promise<Retired> {
    const { database } = plan;
    return withServer(plan, async (server) => {
        await finishSwitching(server, plan);
        const generations = await readGenerations(server.admin, plan);
        const live = generations.find(({ state }) => state === "live");
        if (live?.id !== database.generation) {
            throw new Refusal(
                `${describeGeneration(live?.id ?? "(none)", database.databases)} is live, not ${database.generation}: ` +
                    "run switch first.",
            );
        }
        const retired: Retired = { removed: [], inUse: [] };
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
        return retired;
    });
}

/** The generation's databases that somebody is connected to. */
async function connectedOf(admin: Connection, generation: Generation): Promise<string[]> {
    const rows = await rowsOf<{ name: string }>(
        admin,
        `select distinct db as name from information_schema.processlist
          where db in (?) and id <> connection_id() order by 1`,
        [currentNames(generation)],
    );
    return rows.map(({ name }) => name);
}
