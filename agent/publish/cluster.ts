import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { catalogueConfigMap } from "../../contract/manifest";
import type { Publication } from "../../contract/publication";
import { tagOf } from "../../contract/tag";

type Cluster = Publication["cluster"];

/** Milliseconds that the cluster has for an answer. */
const patience = 30_000;

/**
 * The tag that production runs.
 *
 * @returns undefined if the plan names no workload
 * @throws {Error} when it cannot be read
 */
export async function readImageTag(cluster: Cluster, signal: AbortSignal): Promise<string | undefined> {
    const { namespace, workload } = cluster;
    if (workload === undefined) {
        return undefined;
    }
    const { kind, name, container: wanted } = workload;
    const path = `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s/${name}`;
    const found = JSON.parse(await call(cluster, "GET", path, undefined, signal)) as Running;
    const { containers } = found.spec.template.spec;
    const container = wanted === undefined ? containers[0] : containers.find((one) => one.name === wanted);
    if (container === undefined) {
        throw new Error(
            `${kind} ${name} in namespace ${namespace} has no container ${wanted}: correct source.workload.`,
        );
    }
    return tagOf(container.image);
}

/** A Deployment or StatefulSet, as far as it is looked at. */
interface Running {
    spec: { template: { spec: { containers: { name: string; image: string }[] } } };
}

/**
 * Writes the catalogue where a stack can read it that cannot mount the store.
 *
 * @throws {Error} when the cluster does not take it
 */
export async function publishCatalogue(
    cluster: Cluster,
    data: Record<string, string>,
    signal: AbortSignal,
): Promise<void> {
    const path = `/api/v1/namespaces/${cluster.namespace}/configmaps/${catalogueConfigMap}`;
    await call(cluster, "PATCH", path, { data }, signal);
}

/** One request in the name of the pod's service account. */
async function call(
    { account }: Cluster,
    method: "GET" | "PATCH",
    path: string,
    body: object | undefined,
    signal: AbortSignal,
): Promise<string> {
    const [token, ca] = await Promise.all(["token", "ca.crt"].map((name) => readFile(join(account, name), "utf8")));
    const options = {
        host: process.env.KUBERNETES_SERVICE_HOST,
        port: process.env.KUBERNETES_SERVICE_PORT,
        path,
        method,
        ca,
        signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
        headers: {
            authorization: `Bearer ${token?.trim()}`,
            ...(body !== undefined && { "content-type": "application/merge-patch+json" }),
        },
    };
    try {
        return await new Promise((resolve, reject) => {
            const asked = request(options, (response) => {
                let text = "";
                response.setEncoding("utf8");
                response.on("data", (chunk: string) => {
                    text += chunk;
                });
                response.on("error", reject);
                response.on("end", () => {
                    if (response.statusCode === 200) {
                        resolve(text);
                    } else {
                        reject(new Error(`it answers ${response.statusCode}${messageIn(text)}`));
                    }
                });
            });
            asked.on("error", reject);
            asked.end(body && JSON.stringify(body));
        });
    } catch (error) {
        signal.throwIfAborted();
        throw new Error(`The cluster did not take ${method} ${path}: ${(error as Error).message}.`);
    }
}

/** What an answer of the cluster says for people. */
function messageIn(text: string): string {
    try {
        const { message } = JSON.parse(text) as { message?: string };
        return message === undefined ? "" : ` (${message})`;
    } catch {
        return "";
    }
}
