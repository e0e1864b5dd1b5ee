/** What a replica's Jobs have left on record in its namespace. Reads only. */
import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { accessCluster, jobPods, within } from "./cluster";
import { type Generations, generationsOf } from "./components/generations";
import { reportConfigMap, reportFile } from "./components/report";
import { type AgentEvent, agentEvent, type Live } from "./contract/event";
import type { Settings } from "./settings";

/** A Job whose run has failed. */
export interface FailedRun {
    command: string;
    /** ISO time of its end; null if the cluster does not tell. */
    ended: string | null;
    /** Its last word. */
    sentence: string;
}

/**
 * What the last switch has told of what is live, as far as it was to these generations.
 *
 * @param wanted those that the settings ask for, if left out
 * @returns undefined if it cannot be read
 */
export async function readLive(settings: Settings, wanted = generationsOf(settings)): Promise<Live | undefined> {
    try {
        return await within(10, lastLive(settings, wanted));
    } catch {
        return undefined;
    }
}

async function lastLive(settings: Settings, wanted: Generations): Promise<Live | undefined> {
    const { context, namespace } = settings.target;
    const { core } = await accessCluster(context);
    const labelSelector = "app.kubernetes.io/part-of=understudy,app.kubernetes.io/name=switch";
    const { items } = await core.listNamespacedPod({ namespace, labelSelector });
    for (const { metadata, status } of items) {
        if (status?.phase === "Succeeded") {
            const log = await core.readNamespacedPodLog({ name: metadata?.name ?? "", namespace });
            const live = log.split("\n").map(eventIn).find(isLive);
            if (isAbout(live, wanted)) {
                return live;
            }
        }
    }
    // The pod may be gone with its node.
    const { data } = await core.readNamespacedConfigMap({ name: reportConfigMap, namespace });
    const kept = eventIn(data?.[reportFile] ?? "");
    return isLive(kept) && isAbout(kept, wanted) ? kept : undefined;
}

function isAbout(live: Live | undefined, { database, media }: Generations): boolean {
    return live?.database.id === database && live.media.id === media;
}

function isLive(event: AgentEvent | undefined): event is Live {
    return event?.event === "live";
}

/** What a line of a Job's log tells programs; undefined if it is a sentence for people. */
export function eventIn(line: string): AgentEvent | undefined {
    try {
        return agentEvent.safeParse(JSON.parse(line)).data;
    } catch {
        return undefined;
    }
}

/** The replica's Jobs whose last run has failed. */
export async function failedRuns({ target: { context, namespace } }: Settings): Promise<FailedRun[]> {
    const { batch, core } = await accessCluster(context);
    const labelSelector = "app.kubernetes.io/part-of=understudy,app.kubernetes.io/name!=survey";
    const [jobs, pods] = await Promise.all([
        batch.listNamespacedJob({ namespace, labelSelector }),
        core.listNamespacedPod({ namespace, labelSelector: jobPods }),
    ]);
    return failuresAmong(jobs.items, pods.items);
}

/** The Jobs that have failed, with what their pods said at the end, or else what the cluster says. */
export function failuresAmong(jobs: V1Job[], pods: V1Pod[]): FailedRun[] {
    return jobs.flatMap(({ metadata, status }) => {
        const failed = status?.conditions?.find(({ type, status }) => type === "Failed" && status === "True");
        if (failed === undefined) {
            return [];
        }
        const pod = pods.find((one) => one.metadata?.labels?.["batch.kubernetes.io/job-name"] === metadata?.name);
        const said = pod?.status?.containerStatuses?.[0]?.state?.terminated?.message?.trim();
        return {
            command: metadata?.labels?.["app.kubernetes.io/name"] ?? metadata?.name ?? "",
            ended: failed.lastTransitionTime?.toISOString() ?? null,
            sentence: said || failed.message || "Its pod is gone, and its last word with it.",
        };
    });
}
