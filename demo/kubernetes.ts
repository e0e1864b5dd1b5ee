import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { AppsV1Api, BatchV1Api, CoreV1Api, KubernetesObject, KubernetesObjectApi } from "@kubernetes/client-node";

/** Which cluster: a kubeconfig file and a context in it. */
export interface ClusterAccess {
    kubeconfig: string;
    context: string;
}

/** The parts of a cluster's API that the demo uses. */
export interface Connection {
    objects: KubernetesObjectApi;
    core: CoreV1Api;
    apps: AppsV1Api;
    batch: BatchV1Api;
}

/** Longest wait for anything that the demo asks of a cluster, in milliseconds. */
const patience = 1_200_000;

/** Opens the API of a cluster. Nothing is asked of it yet. */
export async function connect({ kubeconfig, context }: ClusterAccess): Promise<Connection> {
    const client = await import("@kubernetes/client-node");
    const configuration = new client.KubeConfig();
    configuration.loadFromFile(kubeconfig);
    configuration.setCurrentContext(context);
    return {
        objects: client.KubernetesObjectApi.makeApiClient(configuration),
        core: configuration.makeApiClient(client.CoreV1Api),
        apps: configuration.makeApiClient(client.AppsV1Api),
        batch: configuration.makeApiClient(client.BatchV1Api),
    };
}

/** The objects of one file of `manifests/`, named without its ending. */
export async function manifest(name: string): Promise<KubernetesObject[]> {
    const { loadAllYaml } = await import("@kubernetes/client-node");
    return loadAllYaml(await readFile(path.join(__dirname, "manifests", `${name}.yaml`), "utf8"));
}

/** Applies the objects of some files of `manifests/`, in order. What is there already is brought up to date. */
export async function applyManifests(connection: Connection, ...names: string[]): Promise<void> {
    for (const name of names) for (const object of await manifest(name)) await apply(connection, object);
}

/** Creates or updates one object by server-side apply. A Job, which cannot be changed, is made anew if it has to be. */
export async function apply({ objects }: Connection, object: KubernetesObject): Promise<void> {
    const { PatchStrategy } = await import("@kubernetes/client-node");
    const patch = () =>
        objects.patch(object, undefined, undefined, "understudy-demo", true, PatchStrategy.ServerSideApply);
    try {
        await patch();
    } catch (error) {
        if (object.kind !== "Job" || !(await hasStatus(error, 422))) throw error;
        await objects.delete(object, undefined, undefined, 0, undefined, "Foreground");
        await untilGone(`the former Job ${object.metadata?.name}`, () => objects.read(named(object)));
        await patch();
    }
}

/** The minimum by which an object is read. */
function named({ apiVersion, kind, metadata }: KubernetesObject) {
    return { apiVersion, kind, metadata: { name: metadata?.name ?? "", namespace: metadata?.namespace } };
}

/**
 * Waits until a check returns "done".
 *
 * @param check returns what is still amiss, in words
 * @throws after five minutes, with what was seen last
 */
export async function until(what: string, check: () => Promise<string>): Promise<void> {
    const deadline = Date.now() + patience;
    for (;;) {
        const state = await check();
        if (state === "done") return;
        if (Date.now() > deadline) throw new Error(`Gave up waiting for ${what}: ${state}.`);
        await pause(250);
    }
}

/** Waits until reading an object says that there is none. */
export function untilGone(what: string, read: () => Promise<unknown>): Promise<void> {
    return until(`${what} to go`, async () => ((await found(read())) ? "it is still there" : "done"));
}

/** The answer to a request, or undefined if there is no such object. */
export async function found<Answer>(request: Promise<Answer>): Promise<Answer | undefined> {
    try {
        return await request;
    } catch (error) {
        if (await hasStatus(error, 404)) return undefined;
        throw error;
    }
}

/** Whether an error is the API's answer with this status. */
export async function hasStatus(error: unknown, status: number): Promise<boolean> {
    const { ApiException } = await import("@kubernetes/client-node");
    return error instanceof ApiException && error.code === status;
}
