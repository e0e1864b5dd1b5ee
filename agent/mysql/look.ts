import type { MysqlPlan } from "../../contract/mysql";
import { databaseReport } from "../../contract/report";
import type { Survey } from "../../contract/survey";
import { type Generation, type GenerationDatabase, isWhole, readGenerations } from "./generations";
import { roomLeft } from "./room";
import { inspectServer } from "./server";

/** What stands on the plan's server, the newest first; nothing is changed. */
export async function onServer(plan: MysqlPlan): Promise<Pick<Survey, "databases" | "bases">> {
    const server = await inspectServer(plan);
    try {
        const generations = await readGenerations(server.admin, plan);
        return { databases: generations.reverse().map(databaseIn), bases: [] };
    } finally {
        await server.close();
    }
}

/** Bytes that are left under the plan's server; undefined if nobody tells the size of its volume. */
export async function roomForDatabase(plan: MysqlPlan): Promise<number | undefined> {
    const { capacity } = plan.database;
    if (capacity === undefined) {
        return undefined;
    }
    const { admin, close } = await inspectServer(plan);
    try {
        return await roomLeft(admin, capacity);
    } finally {
        await close();
    }
}

function databaseIn(generation: Generation) {
    const { id, state, switched, awayMs, databases } = generation;
    const [application, ...others] = databases;
    return {
        id,
        // One that has lost a database is nothing to go back to.
        state: isWhole(generation) ? state : ("preparing" as const),
        switched: switched?.toISOString() ?? null,
        awayMs,
        report: reportOf(application),
        others: others.map((other) => ({ name: other.name, report: reportOf(other) })),
    };
}

function reportOf({ report }: GenerationDatabase) {
    return databaseReport.safeParse(report).data ?? null;
}
