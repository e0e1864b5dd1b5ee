import { join } from "node:path";
import type { Cluster } from "../../dev/cluster/index";
import { ensurePrograms } from "../../dev/cluster/programs";
import { run } from "../../dev/command";

/** Runs kubectl on the cluster and returns its output. */
export async function kubectl(cluster: Cluster, args: readonly string[], input?: object): Promise<string> {
    const { kubernetes } = await ensurePrograms();
    const access = ["--kubeconfig", cluster.kubeconfig, "--context", cluster.context];
    return run(join(kubernetes, "kubectl"), [...access, ...args], {
        input: input && JSON.stringify(input),
        timeout: 600_000,
    });
}

/** Creates objects, or changes them to what is given. */
export function apply(cluster: Cluster, ...items: object[]): Promise<string> {
    return kubectl(cluster, ["apply", "-f", "-"], { apiVersion: "v1", kind: "List", items });
}

/** A pod of one container. */
export function pod(name: string, container: object, rest: object = {}): object {
    return {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name: "main", ...container }], ...rest },
    };
}

/** Waits until the pod's containers are ready. */
export function ready(cluster: Cluster, name: string): Promise<string> {
    return kubectl(cluster, ["wait", "--for=condition=Ready", `pod/${name}`, "--timeout=600s"]);
}
