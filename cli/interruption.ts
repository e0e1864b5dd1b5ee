import type { Stack } from "@pulumi/pulumi/automation";
import { accessCluster, jobPods } from "../cluster";
import type { Settings } from "../settings";

interface Resource {
    type: string;
    id?: string;
    inputs?: { metadata?: { name?: string; namespace?: string } };
}

interface State {
    resources?: Resource[];
    pending_operations?: { type: string; resource: Resource }[];
}

/**
 * Clears up after an operation that was killed: removes the Jobs that it had begun to make and that the state does not
 * know, whose pods would hold on to the volumes, and makes the engine forget what was pending. Everything else that
 * was begun has a fixed name, and the next update takes it over.
 */
export async function clearInterruption(stack: Stack): Promise<void> {
    const exported = await stack.exportStack();
    const state = exported.deployment as State | null;
    const pending = state?.pending_operations ?? [];
    const begun = pending.filter(({ type }) => type === "creating").map(({ resource }) => resource);
    if (state === null || begun.length === 0) {
        return;
    }
    const known = new Set(state.resources?.map(({ id }) => id));
    const jobs = begun
        .filter(({ type }) => type === "kubernetes:batch/v1:Job")
        .map(({ inputs }) => ({ name: inputs?.metadata?.name ?? "", namespace: inputs?.metadata?.namespace ?? "" }))
        .filter(({ name, namespace }) => !known.has(`${namespace}/${name}`));
    if (jobs.length > 0) {
        const target = JSON.parse((await stack.getConfig("understudy:target")).value) as { context: string };
        await removeJobs(target.context, jobs);
    }
    const others = pending.filter(({ type }) => type !== "creating");
    await stack.importStack({ ...exported, deployment: { ...state, pending_operations: others } });
}

/**
 * Makes the state forget objects that it knows and that are gone: somebody has removed them, or a wipe was killed before
 * it could write down what it had removed.
 *
 * @returns whether there were any; none where that cannot be found out, so that what went wrong before is told
 */
export async function forgetGone(stack: Stack): Promise<boolean> {
    try {
        const { changeSummary } = await stack.previewRefresh();
        if ((changeSummary.delete ?? 0) === 0) {
            return false;
        }
        await stack.refresh();
        return true;
    } catch {
        return false;
    }
}

/**
 * Ends the runs of a replica's Jobs: their pods are told to stop, and clear up after themselves. The Jobs stay as failed
 * ones, which the next update runs again.
 */
export async function endJobs({ target }: Settings): Promise<void> {
    const { core } = await accessCluster(target.context);
    const { namespace } = target;
    const { items } = await core.listNamespacedPod({ namespace, labelSelector: jobPods });
    const running = items.filter(({ status }) => status?.phase === "Pending" || status?.phase === "Running");
    await Promise.all(
        running.map(({ metadata }) => core.deleteNamespacedPod({ name: metadata?.name ?? "", namespace })),
    );
}

async function removeJobs(context: string, jobs: { name: string; namespace: string }[]): Promise<void> {
    const { batch } = await accessCluster(context);
    for (const job of jobs) {
        await batch
            .deleteNamespacedJob({ ...job, propagationPolicy: "Background" })
            .catch((error: { code?: number }) => {
                if (error.code !== 404) {
                    throw error;
                }
            });
    }
}
