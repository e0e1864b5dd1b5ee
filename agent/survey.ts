import { statfs } from "node:fs/promises";
import { copyPlan, copyPlans } from "../contract";
import type { Live } from "../contract/event";
import type { ReplicaPlan } from "../contract/mysql";
import type { References } from "../contract/report";
import type { Survey } from "../contract/survey";
import { engineOf } from "./engine";
import { caughtBySink } from "./mail";
import { mediaGenerations, refuseStrangeVolume } from "./media/volume";
import { log, tell } from "./report";

/**
 * Looks at the store, the server, the volume and the mail sink, and changes nothing. What cannot be looked at becomes a sentence.
 *
 * @returns a {@link Survey} as one line of JSON
 */
export async function survey(plan: ReplicaPlan): Promise<string> {
    const problems: string[] = [];
    const or = async <T>(nothing: T, looking: Promise<T>): Promise<T> =>
        looking.catch((error: Error) => {
            problems.push(error.message);
            return nothing;
        });
    const [backups, { databases, bases }, media, mail] = await Promise.all([
        or([], storedBackups(plan)),
        or({ databases: [], bases: [] }, engineOf(plan).found()),
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
export async function tellLive(plan: ReplicaPlan, references?: References): Promise<void> {
    try {
        const [{ databases }, media, room] = await Promise.all([engineOf(plan).found(), mediaOf(plan), roomOf(plan)]);
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

async function roomOf(plan: ReplicaPlan): Promise<Live["room"]> {
    const [database, media] = await Promise.all([engineOf(plan).room(), roomForMedia(plan)]);
    return { ...(database !== undefined && { database }), ...(media !== undefined && { media }) };
}

async function roomForMedia(plan: ReplicaPlan): Promise<number | undefined> {
    const copies = copyPlan(plan);
    if (copies === undefined) {
        return undefined;
    }
    const { bavail, bsize } = await statfs(copies.media.volume);
    return bavail * bsize;
}

async function storedBackups(plan: ReplicaPlan): Promise<Survey["backups"]> {
    const now = Date.now();
    return (await engineOf(plan).backups()).map(({ stamp, time, bytes }) => ({
        stamp,
        bytes,
        age: (now - time) / 1000,
    }));
}

async function mediaOf(plan: ReplicaPlan): Promise<Survey["media"]> {
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
