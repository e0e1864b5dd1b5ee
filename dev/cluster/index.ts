import { rm } from "node:fs/promises";
import { existingCluster } from "./existing";
import { type Layout, layoutOf } from "./layout";
import { down, isUp, up } from "./local";

/** A Kubernetes cluster to work on. */
export interface Cluster {
    /** The name it was asked for by. */
    name: string;
    /** `existing`: one that UNDERSTUDY_CONTEXT names, used as it is. `local`: one of this machine, started here. */
    origin: "existing" | "local";
    /** The path of a kubeconfig file with the context. */
    kubeconfig: string;
    /** The context in that file. */
    context: string;
    /** A node's address as this machine reaches it: NodePorts answer there. */
    address: string;
    /** The folder with the local cluster's files, its logs among them; empty for an existing one. */
    state: string;
    /** Stops a local cluster and leaves nothing of it in the running system; leaves an existing one alone. */
    stop(): Promise<void>;
}

/**
 * The cluster that UNDERSTUDY_CONTEXT names, or else the local one with this name, started now unless it runs. The first start on a
 * machine builds Kubernetes, which takes minutes; later ones take seconds. Clusters with different names run side by side.
 *
 * @param options.fresh begin without objects and volumes; loaded images stay. Default: go on with those of the last time.
 * @throws Error with everything that keeps this machine from running one, and what to do.
 */
export async function startCluster(name: string, options: { fresh?: boolean } = {}): Promise<Cluster> {
    const existing = await existingCluster(process.env);
    if (existing) {
        return { ...existing, name, origin: "existing", state: "", stop: async () => {} };
    }
    const layout = layoutOf(name);
    await up(layout, options.fresh ?? false);
    return localCluster(layout);
}

/** The cluster that {@link startCluster} would return, if it is there already; undefined if it would have to be started. */
export async function findCluster(name: string): Promise<Cluster | undefined> {
    const existing = await existingCluster(process.env);
    if (existing) {
        return { ...existing, name, origin: "existing", state: "", stop: async () => {} };
    }
    const layout = layoutOf(name);
    return isUp(layout) ? localCluster(layout) : undefined;
}

/** Stops the local cluster with this name in whatever state it is, half-killed included. */
export async function stopCluster(name: string): Promise<void> {
    await down(layoutOf(name));
}

/** Stops the local cluster with this name and removes all that it has kept: objects, volumes and loaded images. */
export async function removeCluster(name: string): Promise<void> {
    const layout = layoutOf(name);
    await down(layout);
    await rm(layout.state, { recursive: true, force: true });
}

function localCluster(layout: Layout): Cluster {
    const { name, kubeconfig, title, nodeAddress, state } = layout;
    return {
        name,
        origin: "local",
        kubeconfig,
        context: title,
        address: nodeAddress,
        state,
        stop: () => down(layout),
    };
}
