import { randomBytes } from "node:crypto";
import path from "node:path";
import type { KubernetesObject, V1PersistentVolume } from "@kubernetes/client-node";
import type { PublisherCommand } from "../contract/publication";
import { step } from "../dev/step";
import { jobDone, runCronJob, runTask, waitingFor } from "./jobs";
import {
    apply,
    applyManifests,
    type ClusterAccess,
    type Connection,
    connect,
    found,
    hasStatus,
    manifest,
    until,
    untilGone,
} from "./kubernetes";

/** A small production: a web application, its database server with two databases, its media, its nightly backups. */
export const production = {
    namespace: "production",
    /** Databases of its server. The application's data is in the first, the record of its changes in the second. */
    databases: ["catalogue", "audit"],
    /** Role that owns both databases; it cannot log in. */
    owner: "catalogue_owner",
    /** Deployment and Service of the application, the port that both answer on, and the image. */
    application: { name: "catalogue", port: 8080, health: "/health", image: "understudy-demo/catalogue:1.0" },
    /** Tag of the version that production does not run yet. It is the same programs. */
    candidate: "1.1-rc1",
    /** Folder of the node with the stores that production fills and replicas read, `database` and `media`. */
    stores: "/var/lib/understudy-demo",
} as const;

const { namespace } = production;
const storeVolumes = ["production-database-store", "production-media-store"];

/**
 * Brings production up and waits until it answers. It may be interrupted anywhere and run again; on a production that
 * stands it changes nothing.
 *
 * @param stores folder of the node for its stores; clusters on one machine share that machine's folders.
 * @throws if a part does not come up within five minutes, with what is amiss
 */
export async function deployProduction(cluster: ClusterAccess, stores: string = production.stores): Promise<void> {
    const connection = await connect(cluster);
    await step("production: namespace and stores", async () => {
        await prepareNamespace(connection, stores);
        await jobDone(connection, "prepare-stores");
    });
    await step("production: database server", async () => {
        await keepSecret(connection);
        await applyManifests(connection, "database", "media");
        await rolledOut(connection, "StatefulSet", "database");
    });
    await step("production: 63,000 packages and 9,000 icons", async () => {
        await applyManifests(connection, "seed");
        await jobDone(connection, "seed");
    });
    await step("production: application and nightly backups", async () => {
        await applyManifests(connection, "application", "backup", "media-replicator");
        await rolledOut(connection, "Deployment", production.application.name);
    });
}

/**
 * Takes a backup of both databases now.
 *
 * @returns its stamp, as in the names of its files: `2026-11-20T02:04:01Z`
 */
export async function takeBackup(cluster: ClusterAccess): Promise<string> {
    return (await runCronJob(await connect(cluster), "backup")).message;
}

/**
 * Runs now what understudy's own schedule in production's namespace would run at its time.
 *
 * @returns its last word
 * @throws if it fails, with its last word
 */
export async function runPublisher(cluster: ClusterAccess, command: PublisherCommand): Promise<string> {
    return (await runCronJob(await connect(cluster), `understudy-${command}`)).message;
}

/** Mirrors the media volume into its store now. */
export async function replicateMedia(cluster: ClusterAccess): Promise<void> {
    await runCronJob(await connect(cluster), "media-replicator");
}

/** The identity that PostgreSQL gave to production's server when it was made. */
export async function systemIdentifier(cluster: ClusterAccess): Promise<string> {
    return (await runTask(await connect(cluster), "tasks/identity")).message;
}

/** Somebody is using production. */
export interface Activity {
    /** Ends it, and waits until it has ended. */
    stop(): Promise<void>;
}

/** Uses the application without a pause from inside the cluster: notes are written, pictures added and replaced. */
export async function productionActivity(cluster: ClusterAccess): Promise<Activity> {
    const connection = await connect(cluster);
    await applyManifests(connection, "tasks/activity");
    await rolledOut(connection, "Deployment", "activity");
    const pods = () => connection.core.listNamespacedPod({ namespace, labelSelector: "app=activity" });
    return {
        stop: async () => {
            await found(connection.apps.deleteNamespacedDeployment({ name: "activity", namespace }));
            await until("the activity to end", async () =>
                (await pods()).items.length > 0 ? "it still runs" : "done",
            );
        },
    };
}

/** Removes production: the files in its stores, its namespace, its volumes. */
export async function removeProduction(cluster: ClusterAccess, stores: string = production.stores): Promise<void> {
    const connection = await connect(cluster);
    await step("production: removal", async () => {
        await prepareNamespace(connection, stores);
        await runTask(connection, "tasks/empty-stores");
        await connection.core.deleteNamespace({ name: namespace });
        await namespaceGone(connection);
        for (const name of storeVolumes) await removeVolume(connection, name);
    });
}

/** The namespace and the stores, whatever an interrupted run or removal left of them. */
async function prepareNamespace(connection: Connection, stores: string): Promise<void> {
    const { core } = connection;
    const existing = await found(core.readNamespace({ name: namespace }));
    if (existing?.metadata?.deletionTimestamp) await namespaceGone(connection);
    for (const name of storeVolumes) {
        const volume = await found(core.readPersistentVolume({ name }));
        if (volume?.status?.phase === "Released") await removeVolume(connection, name);
    }
    await applyManifests(connection, "namespace");
    for (const object of await manifest("stores")) await apply(connection, atFolder(object, stores));
}

/** A store's volume, moved to another folder of the node; any other object as it is. */
function atFolder(object: KubernetesObject & Pick<V1PersistentVolume, "spec">, stores: string): KubernetesObject {
    const hostPath = object.spec?.hostPath;
    if (hostPath === undefined) return object;
    return {
        ...object,
        spec: { ...object.spec, hostPath: { ...hostPath, path: `${stores}/${path.basename(hostPath.path)}` } },
    } as KubernetesObject;
}

function namespaceGone({ core }: Connection): Promise<void> {
    return untilGone(`namespace ${namespace}`, () => core.readNamespace({ name: namespace }));
}

async function removeVolume({ core }: Connection, name: string): Promise<void> {
    await found(core.deletePersistentVolume({ name }));
    await untilGone(`volume ${name}`, () => core.readPersistentVolume({ name }));
}

/** Passwords are made once. The server keeps the first ones it is given, so a Secret that is there stays as it is. */
async function keepSecret({ core }: Connection): Promise<void> {
    const password = () => randomBytes(24).toString("base64url");
    const stringData = { "postgres-password": password(), "catalogue-app-password": password() };
    try {
        await core.createNamespacedSecret({ namespace, body: { metadata: { name: "database" }, stringData } });
    } catch (error) {
        if (!(await hasStatus(error, 409))) throw error;
    }
}

/** Waits until the newest pod of a workload, and no other, is ready. */
async function rolledOut(connection: Connection, kind: "Deployment" | "StatefulSet", name: string): Promise<void> {
    const { apps, core } = connection;
    await until(`${kind} ${name}`, async () => {
        const read = kind === "Deployment" ? apps.readNamespacedDeployment : apps.readNamespacedStatefulSet;
        const { metadata, status } = await read.call(apps, { name, namespace });
        const current = status?.observedGeneration === metadata?.generation;
        if (current && status?.replicas === 1 && status.updatedReplicas === 1 && status.readyReplicas === 1)
            return "done";
        const { items } = await core.listNamespacedPod({ namespace, labelSelector: `app=${name}` });
        return items.map(waitingFor).at(-1) ?? "its pod is not there yet";
    });
}
