/** Deployments of a cluster that use the replica's database. */
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import type { ClusterAccess } from "../cluster";

/** A Deployment, where the kubeconfig's context leads. */
const deployment = z.strictObject({ context: z.string(), namespace: z.string(), name: z.string() });
type Deployment = z.infer<typeof deployment>;

/** What is told to whoever holds Deployments. */
export const deploymentsPlan = z.strictObject({
    deployments: z.array(deployment),
    /** Seconds that the pods of each may take to be gone. */
    timeout: z.number().positive(),
});
export type DeploymentsPlan = z.infer<typeof deploymentsPlan>;

/** Annotation with the replicas that a Deployment had before it was scaled to zero. */
const memory = "understudy/replicas";

/** A Deployment that stands still. */
interface Held {
    cluster: ClusterAccess;
    of: Deployment;
    replicas: number;
}

/**
 * Scales Deployments to zero, waits until their pods are gone, and scales them back when asked to.
 *
 * @param stopped is called when they are gone; what it returns is waited for
 * @returns a sentence
 * @throws {Error} when the pods of one do not go; all have their replicas again then
 */
export async function holdDeployments(
    { deployments, timeout }: DeploymentsPlan,
    stopped: (names: string[]) => Promise<void>,
): Promise<string> {
    // The client of Kubernetes takes long to load, and other commands do without it.
    const { accessCluster } = require("../cluster") as typeof import("../cluster");
    const held: Held[] = [];
    const start = performance.now();
    try {
        for (const of of deployments) {
            const cluster = await accessCluster(of.context);
            const replicas = await replicasOf(cluster, of);
            held.push({ cluster, of, replicas });
            await scale(cluster, of, 0, String(replicas));
            await gone(cluster, of, timeout);
        }
        await stopped(held.map(({ of }) => of.name));
    } finally {
        await scaleBack(held.toReversed());
    }
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    const each = held.map(({ of, replicas }) => `${of.name} (${replicas})`);
    return `${each.join(", ")} stood still for ${seconds} s and ${held.length === 1 ? "has its" : "have their"} replicas again.`;
}

/** Gives each its replicas again, also when another cannot be given its own. */
async function scaleBack(held: Held[]): Promise<void> {
    const failures: string[] = [];
    for (const { cluster, of, replicas } of held) {
        await scale(cluster, of, replicas, null).catch((error: Error) => {
            failures.push(
                `Deployment ${of.name} was scaled to zero and not back (${error.message}): ` +
                    `kubectl --context ${of.context} -n ${of.namespace} scale deployment ${of.name} --replicas ${replicas}`,
            );
        });
    }
    if (failures.length > 0) {
        throw new Error(failures.join("\n"));
    }
}

/** As many as it has, or had when a run that was killed scaled it to zero. */
async function replicasOf({ apps }: ClusterAccess, { namespace, name }: Deployment): Promise<number> {
    const { metadata, spec } = await apps.readNamespacedDeployment({ namespace, name }).catch((error: unknown) => {
        throw new Error(
            `Deployment ${name} cannot be read in namespace ${namespace} (${(error as { code?: number }).code}): correct ` +
                "services, or let this kubeconfig's user read and change it.",
        );
    });
    const before = metadata?.annotations?.[memory];
    return before === undefined ? (spec?.replicas ?? 1) : Number(before);
}

async function scale(
    { apps }: ClusterAccess,
    { namespace, name }: Deployment,
    replicas: number,
    remembered: string | null,
): Promise<void> {
    const key = `/metadata/annotations/${memory.replace("/", "~1")}`;
    const { metadata } = await apps.readNamespacedDeployment({ namespace, name });
    const there = metadata?.annotations?.[memory] !== undefined;
    const body = [
        { op: "add", path: "/spec/replicas", value: replicas },
        ...(metadata?.annotations === undefined && remembered !== null
            ? [{ op: "add", path: "/metadata/annotations", value: {} }]
            : []),
        ...(remembered !== null ? [{ op: "add", path: key, value: remembered }] : []),
        ...(remembered === null && there ? [{ op: "remove", path: key }] : []),
    ];
    await apps.patchNamespacedDeployment({ namespace, name, body });
}

async function gone({ apps, core }: ClusterAccess, { namespace, name }: Deployment, patience: number): Promise<void> {
    const { spec } = await apps.readNamespacedDeployment({ namespace, name });
    const labels = Object.entries(spec?.selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
    const deadline = Date.now() + patience * 1000;
    for (;;) {
        const { items } = await core.listNamespacedPod({ namespace, labelSelector: labels.join(",") });
        if (items.length === 0) {
            return;
        }
        if (Date.now() > deadline) {
            throw new Error(
                `Deployment ${name} was scaled to zero, and ${items.length} of its pods are still there after ${patience} s: ` +
                    "look why they do not end.",
            );
        }
        await sleep(250);
    }
}
