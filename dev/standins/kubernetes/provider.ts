import { NotReady, type Situation } from "./await/wait";
import type { Cluster, Kind } from "./cluster";
import type { Options } from "./configuration";
import { type Fields, textAt } from "./fields";
import type { Log } from "./log";

/** The provider as it is configured, and what it has found out about its cluster. */
export interface Provider {
    options: Options;
    /** Undefined while the cluster cannot be reached; then `unreachable` says why. */
    cluster: Cluster | undefined;
    unreachable: string;
    /** Aborted when the user cancels the run. */
    cancelled: AbortSignal;
}

/** One resource in one request of the engine. */
export interface Request {
    urn: string;
    log: Log;
}

/** The resource was made or changed, but something about it went wrong: it belongs into the state all the same. */
export class PartlyDone extends Error {
    constructor(
        message: string,
        readonly id: string,
        readonly state: Fields,
        readonly reasons: string[],
        readonly inputs?: Fields,
    ) {
        super(message);
    }
}

/** Kinds of the built-in groups that live outside of namespaces. */
const clusterWide = new Set(
    "ClusterRole ClusterRoleBinding IngressClass Namespace Node PersistentVolume PriorityClass RuntimeClass StorageClass".split(
        " ",
    ),
);

/** True for objects that live in a namespace. */
export async function isNamespaced({ cluster }: Provider, urn: string): Promise<boolean> {
    const kind = kindOfUrn(urn);
    if (clusterWide.has(kind.kind)) return false;
    // An unknown kind is most likely a custom resource, and those mostly live in namespaces.
    return cluster === undefined ? true : cluster.isNamespaced(kind).catch(() => true);
}

/** What an await has to know about `live`. */
export function situation(
    { cluster, cancelled }: Provider,
    { log }: Request,
    live: Fields,
    former: Fields | undefined,
    timeout: number,
): Situation {
    if (cluster === undefined) throw new Error("an object cannot be awaited without its cluster");
    return { cluster, log, live, former, timeoutSeconds: timeout, cancelled };
}

/** Throws while the cluster cannot be reached. */
export function reachable({ cluster, unreachable }: Provider): void {
    if (cluster === undefined) throw new Error(`configured Kubernetes cluster is unreachable: ${unreachable}`);
}

/** The kind that an object says it is. */
export function kindOf(object: Fields): Kind {
    return { apiVersion: textAt(object, "apiVersion"), kind: textAt(object, "kind") };
}

/** The kind that a URN stands for: `kubernetes:batch/v1:Job` is a Job of `batch/v1`. */
export function kindOfUrn(urn: string): Kind {
    const [, module = "", kind = ""] = (urn.split("::")[2] ?? "").split("$").at(-1)?.split(":") ?? [];
    return { apiVersion: module.replace(/^core\//, ""), kind };
}

/** An error's message. */
export const text = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Why an object is not ready; nothing for any other error. */
export const reasons = (error: unknown) => (error instanceof NotReady ? error.reasons : []);
