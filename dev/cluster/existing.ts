import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";

/** A cluster that is somebody's own, as a kubeconfig file knows it. */
export interface ExistingCluster {
    /** The kubeconfig file that holds the context. */
    kubeconfig: string;
    context: string;
    /** The address of its first node. */
    address: string;
}

/**
 * The cluster that UNDERSTUDY_CONTEXT names, among those of KUBECONFIG or of the usual file; undefined if it is not set.
 *
 * @throws Error if there is no such context, with those that there are; or if the cluster cannot be asked.
 */
export async function existingCluster(environment: NodeJS.ProcessEnv): Promise<ExistingCluster | undefined> {
    const context = environment.UNDERSTUDY_CONTEXT;
    if (!context) {
        return undefined;
    }
    const { KubeConfig } = await import("@kubernetes/client-node");
    const files = (environment.KUBECONFIG || join(homedir(), ".kube", "config")).split(delimiter).filter(existsSync);
    const known: string[] = [];
    for (const file of files) {
        const configuration = new KubeConfig();
        configuration.loadFromFile(file);
        if (configuration.getContextObject(context)) {
            configuration.setCurrentContext(context);
            return { kubeconfig: file, context, address: await firstNode(configuration) };
        }
        known.push(...configuration.getContexts().map(({ name }) => name));
    }
    const others = known.length > 0 ? `Known contexts: ${known.join(", ")}.` : "No kubeconfig file has any context.";
    throw new Error(`UNDERSTUDY_CONTEXT names the context "${context}", which does not exist. ${others}`);
}

async function firstNode(configuration: KubeConfig): Promise<string> {
    const { CoreV1Api } = await import("@kubernetes/client-node");
    const context = configuration.getCurrentContext();
    const nodes = await configuration
        .makeApiClient(CoreV1Api)
        .listNode()
        .catch((error: Error) => {
            throw new Error(`The cluster of context "${context}" does not answer: ${error.message}`);
        });
    const addresses = nodes.items.flatMap((node) => node.status?.addresses ?? []);
    const address = addresses.find(({ type }) => type === "InternalIP") ?? addresses[0];
    if (address === undefined) {
        throw new Error(`The cluster of context "${context}" has no node with an address.`);
    }
    return address.address;
}
