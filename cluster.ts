import type { AppsV1Api, AuthenticationV1Api, BatchV1Api, CoreV1Api, KubeConfig } from "@kubernetes/client-node";

// An ES module that takes a third of a second to load: while the engine starts, nothing else has to be done.
const client = import("@kubernetes/client-node");

/** Selects the pods of a replica's Jobs. */
export const jobPods = "app.kubernetes.io/part-of=understudy,batch.kubernetes.io/job-name";

/** The cluster of a context, as the program and the command line talk to it. */
export interface ClusterAccess {
    config: KubeConfig;
    core: CoreV1Api;
    batch: BatchV1Api;
    apps: AppsV1Api;
    authentication: AuthenticationV1Api;
}

/**
 * The cluster of one of the kubeconfig's contexts.
 *
 * @throws Error if there is no such context, with those that there are
 */
export async function accessCluster(context: string): Promise<ClusterAccess> {
    const { AppsV1Api, AuthenticationV1Api, BatchV1Api, CoreV1Api, KubeConfig } = await client;
    const config = new KubeConfig();
    config.loadFromDefault();
    if (config.getContextObject(context) === null) {
        const known = config.getContexts().map(({ name }) => name);
        throw new Error(`the kubeconfig knows no such context as "${context}" (it has: ${known.join(", ") || "none"})`);
    }
    config.setCurrentContext(context);
    return {
        config,
        core: config.makeApiClient(CoreV1Api),
        batch: config.makeApiClient(BatchV1Api),
        apps: config.makeApiClient(AppsV1Api),
        authentication: config.makeApiClient(AuthenticationV1Api),
    };
}

/** A cluster that does not answer is as good as none, and nobody should wait minutes to hear it. */
export async function within<T>(seconds: number, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${seconds} s`)), seconds * 1000);
    });
    try {
        return await Promise.race([work, late]);
    } finally {
        clearTimeout(timer);
    }
}
