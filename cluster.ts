import type {
    AppsV1Api,
    AuthenticationV1Api,
    BatchV1Api,
    CoordinationV1Api,
    CoreV1Api,
    KubeConfig,
    NetworkingV1Api,
    RbacAuthorizationV1Api,
} from "@kubernetes/client-node";

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
    coordination: CoordinationV1Api;
    networking: NetworkingV1Api;
    rbac: RbacAuthorizationV1Api;
}

/**
 * The cluster of one of the kubeconfig's contexts.
 *
 * @throws Error if there is no such context, with those that there are
 */
export async function accessCluster(context: string): Promise<ClusterAccess> {
    const api = await client;
    const config = new api.KubeConfig();
    config.loadFromDefault();
    if (config.getContextObject(context) === null) {
        const known = config.getContexts().map(({ name }) => name);
        throw new Error(`the kubeconfig knows no such context as "${context}" (it has: ${known.join(", ") || "none"})`);
    }
    config.setCurrentContext(context);
    return {
        config,
        core: config.makeApiClient(api.CoreV1Api),
        batch: config.makeApiClient(api.BatchV1Api),
        apps: config.makeApiClient(api.AppsV1Api),
        authentication: config.makeApiClient(api.AuthenticationV1Api),
        coordination: config.makeApiClient(api.CoordinationV1Api),
        networking: config.makeApiClient(api.NetworkingV1Api),
        rbac: config.makeApiClient(api.RbacAuthorizationV1Api),
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

/** What is read from a cluster, or a sentence without a full stop that says why it cannot be. */
export async function reading<T>(context: string, read: (cluster: ClusterAccess) => Promise<T>): Promise<T> {
    try {
        const cluster = await accessCluster(context);
        return await within(10, read(cluster));
    } catch (error) {
        throw new Error(`cannot read the cluster of context "${context}": ${firstLine(error)}`);
    }
}

/** The first line of an error: what follows may hold headers and whole responses. */
export function firstLine(error: unknown): string {
    const text = error instanceof Error ? error.message : String(error);
    return (text.split("\n")[0] ?? text).trim();
}

/** The object, or nothing when the server says that it is not there. */
export function orAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
    return unless(404, reading);
}

/** The object, or nothing when this user may not see it. */
export function orHidden<T>(reading: Promise<T>): Promise<T | undefined> {
    return unless(403, reading);
}

async function unless<T>(status: number, reading: Promise<T>): Promise<T | undefined> {
    try {
        return await reading;
    } catch (error) {
        if (typeof error === "object" && error !== null && "code" in error && error.code === status) {
            return undefined;
        }
        throw error;
    }
}
