import type { Plan } from "../contract";
import { databaseReport } from "../contract/report";
import type { Survey } from "../contract/survey";
import { backupsOf } from "./backup/catalogue";
import { mediaGenerations, refuseStrangeVolume } from "./media/volume";
import { type GenerationDatabase, readGenerations } from "./postgres/generations";
import { inspectServer } from "./postgres/server";
import { log, tell } from "./report";

/**
 * Looks at the store, the server and the volume, and changes nothing. What cannot be looked at becomes a sentence.
 *
 * @returns a {@link Survey} as one line of JSON
 */
export async function survey(plan: Plan): Promise<string> {
    const problems: string[] = [];
    const orNone = async <T>(looking: Promise<T[]>): Promise<T[]> =>
        looking.catch((error: Error) => {
            problems.push(error.message);
            return [];
        });
    const [backups, databases, media] = await Promise.all([
        orNone(storedBackups(plan)),
        orNone(databasesOf(plan)),
        orNone(mediaOf(plan)),
    ]);
    const found: Survey = { backups, databases, media, problems };
    return JSON.stringify(found);
}

/**
 * Tells programs what is live after a switch. The switch has happened, so that looking at it in vain is no failure of
 * the run.
 */
export async function tellLive(plan: Plan): Promise<void> {
    try {
        const [databases, media] = await Promise.all([databasesOf(plan), mediaOf(plan)]);
        const database = databases.find(({ state }) => state === "live");
        const files = media.find(({ id }) => id === plan.media.generation);
        if (database !== undefined && files !== undefined) {
            tell({ event: "live", database, media: files });
        }
    } catch (error) {
        log(`what is live now could not be read: ${error instanceof Error ? error.message : error}`);
    }
}

async function storedBackups({ database }: Plan): Promise<Survey["backups"]> {
    const now = Date.now();
    return (await backupsOf(database)).map(({ stamp, time, bytes }) => ({ stamp, bytes, age: (now - time) / 1000 }));
}

async function databasesOf(plan: Plan): Promise<Survey["databases"]> {
    const server = await inspectServer(plan, "survey");
    try {
        const generations = await readGenerations(server.admin, plan.database);
        return generations.reverse().map(({ id, state, switched, awayMs, databases: [application, ...others] }) => ({
            id,
            state,
            switched: switched?.toISOString() ?? null,
            awayMs,
            report: reportOf(application),
            others: others.map((other) => ({ name: other.name, report: reportOf(other) })),
        }));
    } finally {
        await server.close();
    }
}

function reportOf({ report }: GenerationDatabase) {
    return databaseReport.safeParse(report).data ?? null;
}

async function mediaOf({ media, stack }: Plan): Promise<Survey["media"]> {
    await refuseStrangeVolume(media.volume, stack);
    return (await mediaGenerations(media.volume)).map(({ id, completed, report }) => ({
        id,
        completed: completed === undefined ? null : new Date(completed).toISOString(),
        report: report ?? null,
    }));
}
