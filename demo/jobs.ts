import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { type Connection, found, manifest, until } from "./kubernetes";

/** What a Job that succeeded left behind. */
export interface JobResult {
    /** Termination message of its container: the one thing that it had to say. */
    message: string;
    /** Everything that its container printed. */
    log: string;
}

const namespace = "production";

/** Runs the Job of a file in `manifests/`, whose name is generated, and removes it. */
export async function runTask(connection: Connection, name: string): Promise<JobResult> {
    const [job] = await manifest(name);
    if (!job) throw new Error(`manifests/${name}.yaml holds no Job.`);
    return runJob(connection, job);
}

/** Runs now what a CronJob would run at its time. */
export async function runCronJob(connection: Connection, name: string): Promise<JobResult> {
    const cronJob = await connection.batch.readNamespacedCronJob({ name, namespace });
    const metadata = { generateName: `${name}-now-`, annotations: { "cronjob.kubernetes.io/instantiate": "manual" } };
    return runJob(connection, { metadata, spec: cronJob.spec?.jobTemplate.spec });
}

async function runJob(connection: Connection, body: V1Job): Promise<JobResult> {
    const created = await connection.batch.createNamespacedJob({ namespace, body });
    const name = created.metadata?.name ?? "";
    try {
        await jobDone(connection, name);
        const pod = (await podsOf(connection, name)).find(({ status }) => status?.phase === "Succeeded");
        const podName = pod?.metadata?.name ?? "";
        const log = await connection.core.readNamespacedPodLog({ name: podName, namespace });
        return { message: messageOf(pod), log };
    } finally {
        await found(connection.batch.deleteNamespacedJob({ name, namespace, propagationPolicy: "Background" }));
    }
}

/**
 * Waits until a Job has succeeded.
 *
 * @throws if it failed, with what its last pod said
 */
export async function jobDone(connection: Connection, name: string): Promise<void> {
    await until(`Job ${name}`, async () => {
        const { status } = await connection.batch.readNamespacedJobStatus({ name, namespace });
        const conditions = (status?.conditions ?? []).filter((condition) => condition.status === "True");
        if (conditions.some(({ type }) => type === "Complete")) return "done";
        const pods = await podsOf(connection, name);
        if (conditions.some(({ type }) => type === "Failed"))
            throw new Error(
                `Job ${name} failed: ${pods.map(messageOf).filter(Boolean).at(-1) ?? "its pod said nothing"}`,
            );
        return pods.map(waitingFor).filter(Boolean).at(-1) ?? "its pod is not there yet";
    });
}

async function podsOf({ core }: Connection, job: string): Promise<V1Pod[]> {
    return (await core.listNamespacedPod({ namespace, labelSelector: `job-name=${job}` })).items;
}

function messageOf(pod: V1Pod | undefined): string {
    return (pod?.status?.containerStatuses?.[0]?.state?.terminated?.message ?? "").trim();
}

/** Why a pod does not run yet, or that it does. */
export function waitingFor({ metadata, status }: V1Pod): string {
    const waiting = status?.containerStatuses?.[0]?.state?.waiting;
    const reason = waiting
        ? `${waiting.reason} ${waiting.message ?? ""}`
        : (status?.conditions?.find(({ message }) => message)?.message ?? status?.phase);
    return `pod ${metadata?.name}: ${reason ?? "no state yet"}`.trim();
}
