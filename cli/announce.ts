import { setTimeout as sleep } from "node:timers/promises";
import { accessCluster, type ClusterAccess } from "../cluster";
import { labelValue, stackLabel } from "../components/labels";
import {
    type Announcement,
    announcedAnnotation,
    announcementOf,
    describeAnnouncement,
} from "../preflight/announcement";
import { holder } from "../preflight/lease";
import type { Settings } from "../settings";
import type { AnnounceSettings } from "../settings/announce";
import { duration } from "../settings/values";
import type { Sighting } from "../sighting";

/** What the command line says of an announcement. */
export interface AnnounceRequest {
    reason?: string;
    /** Time span until the refresh, such as `30m`; the stack file's notice if left out. */
    after?: string;
}

/** Seconds until the refresh where neither the stack file nor the command line says so. */
const usualNotice = 1800;

/** Milliseconds before another try to tell a web hook. */
const pauses = [1_000, 4_000];

/** Milliseconds that a web hook has for an answer. */
const patience = 10_000;

/**
 * What is to be announced.
 *
 * @throws Error when nothing is there that a refresh could take from anybody, or when it is another stack's
 */
export function announcementFor(
    { announce, target }: Settings,
    stack: string,
    { target: found, live }: Sighting,
    request: AnnounceRequest,
): Announcement {
    if (found?.labels[stackLabel] !== labelValue(stack) || live === undefined) {
        throw new Error(`Namespace ${target.namespace} holds no copy of ${stack} whose end could be announced.`);
    }
    return announcementOfEnd(live, announce, request);
}

/**
 * An announcement of the end of copies, by whoever the stack file or this process says.
 *
 * @throws Error when the time span is none
 */
export function announcementOfEnd(
    live: Announcement["live"],
    announce: Pick<AnnounceSettings, "owner" | "notice"> | undefined,
    { reason = "another copy of production's data", after }: AnnounceRequest,
): Announcement {
    const span = after === undefined ? undefined : duration.safeParse(after);
    if (span?.success === false) {
        throw new Error(`--in is ${JSON.stringify(after)}: write a time span such as 90s, 15m, 26h or 7d.`);
    }
    const owner = announce?.owner ?? holder().replace(/, process \d+$/, "");
    return announcementOf({ owner, reason, seconds: span?.data ?? announce?.notice ?? usualNotice }, live);
}

/**
 * Writes an announcement down where everybody finds it, and tells the web hook, if there is one.
 *
 * @returns sentences on what was done; that nobody could tell the web hook is one of them, and no failure
 */
export async function makeAnnouncement(
    { target, announce }: Settings,
    stack: string,
    announcement: Announcement,
): Promise<string[]> {
    const cluster = await accessCluster(target.context);
    const { PatchStrategy, setHeaderOptions } = await import("@kubernetes/client-node");
    const body = { metadata: { annotations: { [announcedAnnotation]: JSON.stringify(announcement) } } };
    await cluster.core.patchNamespace(
        { name: target.namespace, body },
        setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    );
    const said = sentenceOf(stack, announcement);
    if (announce?.url === undefined) {
        return [said];
    }
    const problem = await tellHook(announce.url, await tokenOf(cluster, target.namespace, announce.secret), {
        text: said,
        stack,
        namespace: target.namespace,
        ...announcement,
    });
    return [said, ...(problem === undefined ? [] : [problem])];
}

/** An announcement as people are told. */
export function sentenceOf(stack: string, announcement: Announcement): string {
    return `The refresh of ${stack} is announced ${describeAnnouncement(announcement)}.`;
}

async function tokenOf(cluster: ClusterAccess, namespace: string, name?: string): Promise<string | undefined> {
    if (name === undefined) {
        return undefined;
    }
    const { data } = await cluster.core.readNamespacedSecret({ name, namespace });
    return Buffer.from(data?.token ?? "", "base64")
        .toString()
        .trim();
}

/**
 * Tells a web hook, three times if it must.
 *
 * @returns why it was not told; undefined if it was. Nothing of its address but the host is in it.
 */
export async function tellHook(
    url: string,
    token: string | undefined,
    body: object,
    waits = pauses,
): Promise<string | undefined> {
    for (let attempt = 0; ; attempt++) {
        const reason = await post(url, token, body);
        const pause = waits[attempt];
        if (reason === undefined) {
            return undefined;
        }
        if (pause === undefined) {
            return `The web hook of ${new URL(url).host} was not told (${reason}): tell people in another way.`;
        }
        await sleep(pause);
    }
}

/** Redirections are not followed: the token is for this host alone. */
async function post(url: string, token: string | undefined, body: object): Promise<string | undefined> {
    try {
        const response = await fetch(url, {
            method: "POST",
            redirect: "manual",
            headers: {
                "content-type": "application/json",
                ...(token !== undefined && { authorization: `Bearer ${token}` }),
            },
            body: JSON.stringify(body),
            signal: AbortSignal.timeout(patience),
        });
        await response.body?.cancel();
        return response.ok ? undefined : `it answers ${response.status}`;
    } catch (error) {
        const { cause } = error as { cause?: { code?: string } };
        return cause?.code ?? "no answer";
    }
}
