import { setTimeout as sleep } from "node:timers/promises";
import type { V1Pod } from "@kubernetes/client-node";
import { accessCluster, type ClusterAccess } from "../cluster";
import { jobOf } from "../components/agent";
import { jobsOf } from "../components/jobs";
import type { Command } from "../contract";
import type { Settings } from "../settings";
import { project } from "./project";

/**
 * Asks the agent something, where the data is. It runs as a Job of its own in the target namespace, which goes when it has
 * ended.
 *
 * @returns its answer, the last line of its log
 * @throws Error when the replica does not stand, or when the agent cannot run or refuses
 */
export async function askAgent(settings: Settings, stackName: string, command: Command): Promise<unknown> {
    const { context, namespace, pullSecret } = settings.target;
    const cluster = await accessCluster(context);
    const args = jobsOf(settings, { stack: `${project}/${stackName}`, namespace, pullSecret })[command];
    const { metadata, spec } = jobOf(args);
    const job = await cluster.batch
        .createNamespacedJob({
            namespace,
            // Goes by itself if nobody is left to remove it.
            body: {
                metadata: { generateName: `${command}-`, labels: metadata.labels },
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
        const pod = await ended(cluster, namespace, name, args.timeout);
        const log = await cluster.core.readNamespacedPodLog({ name: pod.metadata?.name ?? "", namespace });
        return JSON.parse(log.trim().split("\n").at(-1) ?? "");
    } finally {
        await cluster.batch.deleteNamespacedJob({ name, namespace, propagationPolicy: "Background" });
    }
}

async function ended({ core }: ClusterAccess, namespace: string, job: string, patience: number): Promise<V1Pod> {
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
