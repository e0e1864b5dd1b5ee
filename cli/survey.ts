import { setTimeout as sleep } from "node:timers/promises";
import type { V1Pod } from "@kubernetes/client-node";
import { accessCluster, type ClusterAccess } from "../cluster";
import { jobOf } from "../components/agent";
import { mediaPlacement } from "../components/pod";
import { serverOf } from "../components/server-access";
import { type Survey, surveySchema } from "../contract/survey";
import type { Settings } from "../settings";
import { project } from "./project";

/** Seconds for the whole survey; a store far away may be slow. */
const patience = 120;

/**
 * Lets the agent look around where the data is: what backups there are, which generations the replica has. It runs as
 * a Job of its own in the target namespace, which goes when it has ended.
 *
 * @throws Error when the replica does not stand, or when the agent cannot run
 */
export async function survey(settings: Settings, stackName: string): Promise<Survey> {
    const { context, namespace } = settings.target;
    const cluster = await accessCluster(context);
    const stack = `${project}/${stackName}`;
    const { metadata, spec } = jobOf({
        stack,
        namespace,
        command: "survey",
        generations: [],
        because: {},
        source: settings.source,
        isShared: settings.media.mode === "share-read-only",
        keepsOwners: false,
        adminSecret: serverOf(settings.database).passwordSecret,
        loginSecret: "",
        timeout: patience,
        placement: mediaPlacement(stack, settings.media),
    });
    const job = await cluster.batch
        .createNamespacedJob({
            namespace,
            // Goes by itself if nobody is left to remove it.
            body: {
                metadata: { generateName: "survey-", labels: metadata.labels },
                spec: { ...spec, ttlSecondsAfterFinished: 60 },
            },
        })
        .catch((error: { code?: number; message: string }) => {
            throw error.code === 404
                ? new Error(`The replica of stack ${stackName} does not stand: run understudy up ${stackName} first.`)
                : error;
        });
    const name = job.metadata?.name ?? "";
    try {
        const pod = await ended(cluster, namespace, name);
        const log = await cluster.core.readNamespacedPodLog({ name: pod.metadata?.name ?? "", namespace });
        return surveySchema.parse(JSON.parse(log.trim().split("\n").at(-1) ?? ""));
    } finally {
        await cluster.batch.deleteNamespacedJob({ name, namespace, propagationPolicy: "Background" });
    }
}

async function ended({ core }: ClusterAccess, namespace: string, job: string): Promise<V1Pod> {
    const deadline = Date.now() + patience * 1000;
    for (;;) {
        const { items } = await core.listNamespacedPod({ namespace, labelSelector: `job-name=${job}` });
        const [pod] = items;
        if (pod?.status?.phase === "Succeeded") {
            return pod;
        }
        const terminated = pod?.status?.containerStatuses?.[0]?.state?.terminated;
        if (pod?.status?.phase === "Failed" || Date.now() > deadline) {
            const waiting = pod?.status?.containerStatuses?.[0]?.state?.waiting;
            const why = terminated?.message ?? waiting?.message ?? waiting?.reason ?? "its pod does not run";
            throw new Error(`The agent could not look around: ${why.trim()}`);
        }
        await sleep(250);
    }
}
