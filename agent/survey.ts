import { statfs } from "node:fs/promises";
import { copyPlan, copyPlans, type Plan } from "../contract";
import type { Live } from "../contract/event";
import { databaseReport, type References } from "../contract/report";
import type { Survey } from "../contract/survey";
import { backupsOf } from "./backup/catalogue";
import { caughtBySink } from "./mail";
import { mediaGenerations, refuseStrangeVolume } from "./media/volume";
import { type Base, isFinished, readBases } from "./postgres/base";
import { type Generation, type GenerationDatabase, isWhole, readGenerations } from "./postgres/generations";
import { roomLeft } from "./postgres/room";
import { inspectServer } from "./postgres/server";
import { log, tell } from "./report";

/**
 * Looks at the store, the server, the volume and the mail sink, and changes nothing. What cannot be looked at becomes a sentence.
 *
 * @returns a {@link Survey} as one line of JSON
 */
export async function survey(plan: Plan): Promise<string> {
    const problems: string[] = [];
    const or = async <T>(nothing: T, looking: Promise<T>): Promise<T> =>
        looking.catch((error: Error) => {
            problems.push(error.message);
            return nothing;
        });
    const [backups, { databases, bases }, media, mail] = await Promise.all([
        or([], storedBackups(plan)),
        or({ databases: [], bases: [] }, onServer(plan)),
        or([], mediaOf(plan)),
        or(undefined, caughtBySink(plan)),
    ]);
    const found: Survey = { backups, databases, bases, media, ...(mail !== undefined && { mail }), problems };
    return JSON.stringify(found);
}

/**
 * Tells programs what is live after a switch. The switch has happened, so that looking at it in vain is no failure of
 * the run.
 */
export async function tellLive(plan: Plan, references?: References): Promise<void> {
    try {
        const [{ databases }, media, room] = await Promise.all([onServer(plan), mediaOf(plan), roomOf(plan)]);
        const database = databases.find(({ state }) => state === "live");
        const files =
            copyPlan(plan) === undefined
                ? { id: plan.media.generation, completed: null, report: null }
                : media.find(({ id }) => id === plan.media.generation);
        if (database !== undefined && files !== undefined) {
            const kept = databases.filter(({ state }) => state === "former" || state === "proven").map(({ id }) => id);
            const compared = references !== undefined && { references };
            tell({ event: "live", database, media: files, ...compared, kept, room });
        }
    } catch (error) {
        log(`what is live now could not be read: ${error instanceof Error ? error.message : error}`);
    }
}

async function roomOf(plan: Plan): Promise<Live["room"]> {
    const [database, media] = await Promise.all([roomForDatabase(plan), roomForMedia(plan)]);
    return { ...(database !== undefined && { database }), ...(media !== undefined && { media }) };
}

async function roomForDatabase(plan: Plan): Promise<number | undefined> {
    const { capacity } = plan.database;
    if (capacity === undefined) {
        return undefined;
    }
    const { admin, close } = await inspectServer(plan, "survey");
    try {
        return await roomLeft(admin, capacity);
    } finally {
        await close();
    }
}

async function roomForMedia(plan: Plan): Promise<number | undefined> {
    const copies = copyPlan(plan);
    if (copies === undefined) {
        return undefined;
    }
    const { bavail, bsize } = await statfs(copies.media.volume);
    return bavail * bsize;
}

async function storedBackups({ database }: Plan): Promise<Survey["backups"]> {
    const now = Date.now();
    return (await backupsOf(database)).map(({ stamp, time, bytes }) => ({ stamp, bytes, age: (now - time) / 1000 }));
}

async function onServer(plan: Plan): Promise<Pick<Survey, "databases" | "bases">> {
    const server = await inspectServer(plan, "survey");
    try {
        const generations = await readGenerations(server.admin, plan);
        const bases = await readBases(server.admin);
        return { databases: generations.reverse().map(databaseIn), bases: bases.reverse().map(baseIn) };
    } finally {
        await server.close();
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

function baseIn(base: Base) {
    const reports = isFinished(base) ? base.databases.flatMap(({ report }) => report ?? []) : [];
    return {
        id: base.id,
        stamp: reports[0]?.stamp ?? null,
        bytes: reports.length === 0 ? null : reports.reduce((sum, { databaseBytes }) => sum + databaseBytes, 0),
    };
}

function reportOf({ report }: GenerationDatabase) {
    return databaseReport.safeParse(report).data ?? null;
}

async function mediaOf(plan: Plan): Promise<Survey["media"]> {
    const found: Survey["media"] = [];
    for (const { media, stack } of copyPlans(plan)) {
        await refuseStrangeVolume(media.volume, stack);
        const generations = await mediaGenerations(media.volume);
        found.push(
            ...generations.map(({ id, completed, report }) => ({
                id,
                completed: completed === undefined ? null : new Date(completed).toISOString(),
                report: report ?? null,
            })),
        );
    }
    return found;
}
