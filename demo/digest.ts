import { createHash } from "node:crypto";
import type { KubernetesObject, V1Pod } from "@kubernetes/client-node";
import { runTask } from "./jobs";
import { type ClusterAccess, type Connection, connect } from "./kubernetes";
import { production } from "./production";

/** Digests of all that production consists of. Two equal ones mean that production was not touched in between. */
export interface ProductionDigest {
    /** The server's own identity, and a digest of its roles. */
    systemIdentifier: string;
    roles: string;
    /** By database, then by table: the number of rows and a digest of them. Large objects and definitions count too. */
    rows: Record<string, Record<string, string>>;
    /** By volume: the number of files and folders, and a digest of their names, owners, times and contents. */
    files: Record<string, string>;
    /** By kind and name: the object's UID and a digest of what was asked of it. */
    objects: Record<string, string>;
}

const kinds = [
    ...[
        ["v1", "Secret"],
        ["v1", "ConfigMap"],
        ["v1", "Service"],
        ["v1", "ServiceAccount"],
        ["v1", "Pod"],
    ],
    ...[
        ["v1", "PersistentVolumeClaim"],
        ["apps/v1", "Deployment"],
        ["apps/v1", "StatefulSet"],
    ],
    ...[["batch/v1", "CronJob"]],
] as const;

/** Reads production as a whole. Nobody may be using it meanwhile, or the digest is of no single moment. */
export async function digestProduction(cluster: ClusterAccess): Promise<ProductionDigest> {
    const connection = await connect(cluster);
    const { log } = await runTask(connection, "tasks/digest");
    return { ...(JSON.parse(log) as Omit<ProductionDigest, "objects">), objects: await objectDigests(connection) };
}

async function objectDigests({ objects, core }: Connection): Promise<Record<string, string>> {
    const { uid } = (await core.readNamespace({ name: production.namespace })).metadata ?? {};
    const digests: Record<string, string> = { Namespace: uid ?? "" };
    for (const [apiVersion, kind] of kinds) {
        const { items } = await objects.list(apiVersion, kind, production.namespace);
        for (const object of items.filter((item) => !belongsToJob(item)))
            digests[`${kind} ${object.metadata?.name}`] = `${object.metadata?.uid} ${digestOf(object)}`;
    }
    return digests;
}

/** Pods of Jobs come and go with the schedule, and with the digest itself. */
function belongsToJob(object: KubernetesObject): boolean {
    return object.metadata?.ownerReferences?.some(({ kind }) => kind === "Job") ?? false;
}

/** What was asked of an object, without what the cluster notes about it. */
function digestOf({ status: _status, metadata, ...asked }: KubernetesObject & Pick<V1Pod, "status">): string {
    const { labels, annotations } = metadata ?? {};
    return createHash("sha256")
        .update(JSON.stringify({ ...asked, labels, annotations }))
        .digest("hex");
}
