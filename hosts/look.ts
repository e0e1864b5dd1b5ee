/** What the hosts say before anything is registered. Reads only. */
import type { BucketOutcome } from "../contract/buckets";
import { type Survey, surveySchema } from "../contract/survey";
import type { Notes } from "../lifecycle/notes";
import { type Announcement, standing } from "../preflight/announcement";
import { AgentAbsent, startAgent } from "./agent";
import { planBuckets } from "./buckets";
import { onHost } from "./install";
import { type Attempt, attempts } from "./isolation";
import { findNotes } from "./notes";
import { hostsOf, type Order, replicaHostsOf } from "./order";
import { orderedParity, type Parity } from "./parity";
import { openWays, type Ways } from "./way";

/** Copies on the target. */
export interface HostCopies {
    database: string;
    /** Those of the media and of further folders, in the stack file's order; empty where there is none. */
    folders: string[];
}

/** What was seen. */
export interface HostSighting {
    /** What the target holds; absent if it has no agent yet. */
    survey?: Survey;
    /** Ids of the copies that are live; absent as long as no database is. */
    live?: HostCopies;
    /** What people were told of the next refresh, if they were. */
    announced?: Announcement;
    /** What is written down on the target's host. */
    notes?: Notes;
    /** What is deployed on both sides, where the stack file asks. */
    parity?: Parity;
    /** What came of it when the replica's machines tried to reach what they must not, where the stack file names any. */
    isolation?: Attempt[];
    /** What bucket copies would do. */
    buckets?: BucketOutcome[];
    /** Sentences about hosts that could not be looked at. */
    problems: string[];
}

/**
 * Looks at every host that takes part.
 *
 * @param looksAtBuckets whether buckets are listed as well, which takes long where they are large
 */
export async function lookAtHosts(order: Order, looksAtBuckets = false): Promise<HostSighting> {
    const ways = openWays(order.hosts);
    const problems: string[] = [];
    const or = async <T>(looking: Promise<T>): Promise<T | undefined> =>
        looking.catch((error: Error) => {
            problems.push(error.message);
            return undefined;
        });
    try {
        const names = hostsOf(order);
        const [target, parity, isolation, buckets] = await Promise.all([
            or(lookAtTarget(order, ways)),
            or(orderedParity(order, ways)),
            Promise.all(replicaHostsOf(order).map((name) => or(attempts(order, ways, name)))),
            looksAtBuckets && order.buckets !== undefined ? or(planBuckets(order)) : undefined,
            ...names.filter((name) => name !== order.target.host).map((name) => or(onHost(ways, name, "true"))),
        ]);
        return {
            ...target,
            ...(parity && { parity }),
            ...(order.unreachable.length > 0 && { isolation: isolation.flatMap((tried) => tried ?? []) }),
            ...(buckets && { buckets }),
            problems: [...new Set(problems)],
        };
    } finally {
        ways.close();
    }
}

async function lookAtTarget(
    order: Order,
    ways: Ways,
): Promise<Pick<HostSighting, "survey" | "live" | "announced" | "notes">> {
    // A host that is there and has no agent is one that nothing was made on.
    const found = await findNotes(order, ways);
    const survey = await surveyTarget(order, ways);
    const database = survey?.databases.find(({ state }) => state === "live")?.id;
    if (survey === undefined || database === undefined) {
        return survey === undefined ? {} : { survey };
    }
    const live = { database, folders: found.copies };
    const announced = standing(found.notes.announced, endOf(live));
    return { survey, live, notes: found.notes, ...(announced && { announced }) };
}

/** Copies as announcements call those whose end they are of. */
export function endOf({ database, folders }: HostCopies): Announcement["live"] {
    return { database, media: folders.join(", ") };
}

/** What the target holds; undefined if it has no agent yet. */
async function surveyTarget(order: Order, ways: Ways): Promise<Survey | undefined> {
    try {
        const found = await startAgent(order, ways, { ...order.target, command: "survey" }).ended;
        const { problems, ...survey } = surveySchema.parse(JSON.parse(found));
        // There is no store on the target.
        return { ...survey, problems: problems.filter((problem) => !problem.includes("backup store incoming")) };
    } catch (error) {
        const { message } = error as Error;
        const isToCome = order.hosts[order.target.host]?.bringNode === true && message.includes(" has no Node: ");
        if (error instanceof AgentAbsent || isToCome) {
            return undefined;
        }
        throw error;
    }
}
