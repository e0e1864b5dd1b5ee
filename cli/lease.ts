import { setTimeout as sleep } from "node:timers/promises";
import type { V1Lease } from "@kubernetes/client-node";
import { accessCluster, type ClusterAccess, orAbsent, within } from "../cluster";
import { labelValue, type Place, stackLabel } from "../components/labels";
import { heldIn, holder, isInTheWay, isLeft, leaseName, leaseObjection, leaseSeconds } from "../preflight/lease";
import { Refusal } from "../refusal";
import type { Settings } from "../settings";

/** Milliseconds between two renewals, and without one after which a lease that seems to be left is taken: clocks differ. */
const usualPace = { interval: 3_000, silence: 10_000 };

/** Where a lease is, and since when it is wanted. */
interface Wanted extends Place {
    cluster: ClusterAccess;
    since: Date;
    silence: number;
}

/**
 * Takes the lease of a replica's namespace, and renews it until it is released. One that a killed run has left is taken
 * over. Where the namespace is still to be made, it is taken as soon as that is there; in one that is not the stack's,
 * nothing is written.
 *
 * @param lost hears of it when somebody else has taken it over meanwhile
 * @returns what releases it, so that others can go on at once
 * @throws {Refusal} when somebody else holds it
 */
export async function takeLease(
    { context, ...place }: Place & { context: string },
    lost: (sentence: string) => void,
    { interval, silence } = usualPace,
): Promise<() => Promise<void>> {
    const cluster = await accessCluster(context).catch(() => undefined);
    if (cluster === undefined) {
        // The preflight says so.
        return async () => undefined;
    }
    const wanted = { ...place, cluster, since: new Date(), silence };
    const stop = new AbortController();
    await write(wanted).catch(orLater(place.namespace));
    const renewed = renew();
    return async () => {
        stop.abort();
        await renewed;
    };

    async function renew(): Promise<void> {
        while (await sleep(interval, true, { signal: stop.signal }).catch(() => false)) {
            try {
                await write(wanted);
            } catch (error) {
                // A cluster that does not answer for a moment may answer the next time.
                if (error instanceof Refusal) {
                    return lost(error.message);
                }
            }
        }
        await remove(wanted).catch(() => undefined);
    }
}

/** Whether the last run that changed a replica was killed. Nobody knows where the cluster does not tell. */
export async function wasKilled({
    context,
    namespace,
}: Pick<Settings["target"], "context" | "namespace">): Promise<boolean> {
    try {
        const { coordination } = await accessCluster(context);
        const found = await within(10, orAbsent(coordination.readNamespacedLease({ name: leaseName, namespace })));
        const held = found && heldIn(found);
        return held !== undefined && isLeft(held);
    } catch {
        return false;
    }
}

/** A cluster that does not answer may do so later; what it does not allow, it will not allow then. */
function orLater(namespace: string) {
    return (error: unknown): void => {
        if (error instanceof Refusal) {
            throw error;
        }
        if ((error as { code?: number }).code === 403) {
            throw new Refusal(
                `The lease of namespace ${namespace} cannot be taken: let whoever changes the replica get, create, update and ` +
                    "delete leases there, or wait for the namespace's end if it is being removed. Nothing was changed.",
            );
        }
    };
}

/**
 * Makes the lease this process's, or renews it.
 *
 * @throws {Refusal} when somebody else holds it
 */
async function write(wanted: Wanted): Promise<void> {
    const { cluster, namespace } = wanted;
    const found = await read(wanted);
    if (holderOf(found) !== holder()) {
        if (!(await isOwn(wanted))) {
            return;
        }
        await refuseHeld(wanted, found);
    }
    const body = await leaseOf(found, wanted.since);
    try {
        await (found === undefined
            ? cluster.coordination.createNamespacedLease({ namespace, body })
            : cluster.coordination.replaceNamespacedLease({ name: leaseName, namespace, body }));
    } catch (error) {
        if ((error as { code?: number }).code !== 409) {
            throw error;
        }
        // Somebody else was faster.
        await write(wanted);
    }
}

/** Whether the namespace is there, and the stack's own: the preflight has something to say of any other. */
async function isOwn({ cluster, namespace, stack }: Wanted): Promise<boolean> {
    const found = await orAbsent(cluster.core.readNamespace({ name: namespace }));
    return found?.metadata?.labels?.[stackLabel] === labelValue(stack);
}

/** Refuses somebody else's lease, unless nobody renews it any more. */
async function refuseHeld(wanted: Wanted, found: V1Lease | undefined): Promise<void> {
    const held = found && heldIn(found);
    if (held === undefined) {
        return;
    }
    if (!isInTheWay(held)) {
        await sleep(wanted.silence);
        const later = await read(wanted);
        if (later === undefined || later.metadata?.resourceVersion === found?.metadata?.resourceVersion) {
            return;
        }
    }
    throw new Refusal(`${leaseObjection(wanted.namespace, held)} Nothing was changed.`);
}

/** The lease with this process as its holder; of another version than the one that was read, the cluster does not take it. */
async function leaseOf(found: V1Lease | undefined, since: Date): Promise<V1Lease> {
    const { V1MicroTime } = await import("@kubernetes/client-node");
    const spec = {
        holderIdentity: holder(),
        leaseDurationSeconds: leaseSeconds,
        acquireTime: new V1MicroTime(since),
        renewTime: new V1MicroTime(),
    };
    return { metadata: { name: leaseName, resourceVersion: found?.metadata?.resourceVersion }, spec };
}

async function read({ cluster, namespace }: Wanted): Promise<V1Lease | undefined> {
    return within(10, orAbsent(cluster.coordination.readNamespacedLease({ name: leaseName, namespace })));
}

function holderOf(lease: V1Lease | undefined): string | undefined {
    return lease && heldIn(lease)?.holder;
}

/** Removes the lease, if it is this process's still. */
async function remove(wanted: Wanted): Promise<void> {
    const found = await read(wanted);
    if (holderOf(found) === holder()) {
        const { uid, resourceVersion } = found?.metadata ?? {};
        const body = { preconditions: { uid, resourceVersion } };
        const { cluster, namespace } = wanted;
        await cluster.coordination.deleteNamespacedLease({ name: leaseName, namespace, body });
    }
}
