import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** What the cluster was asked, and what it was given. */
export interface ApiRequest {
    method: string;
    path: string;
    token: string;
    body: string;
}

/** A cluster's API on loopback, as a pod is told of it. */
export interface ClusterApi {
    env: { KUBERNETES_SERVICE_HOST: string; KUBERNETES_SERVICE_PORT: string };
    close(): void;
}

/**
 * Stands in for a cluster's API: it knows the one workload, and takes every ConfigMap.
 *
 * @param account folder that gets what a pod has of its service account
 * @param requests gets what was asked
 */
export async function startClusterApi(account: string, requests: ApiRequest[] = []): Promise<ClusterApi> {
    mkdirSync(account, { recursive: true });
    writeFileSync(join(account, "token"), "a token");
    const [key, certificate] = [join(account, "key"), join(account, "ca.crt")];
    const subject = ["-subj", "/CN=cluster", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"];
    const files = ["-keyout", key, "-out", certificate];
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...subject, ...files], {
        stdio: "ignore",
    });
    const workload = {
        spec: {
            template: {
                spec: {
                    containers: [
                        { name: "sidecar", image: "proxy:9" },
                        { name: "stack", image: "registry:5000/stack:2026.10.1" },
                    ],
                },
            },
        },
    };
    const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
        let body = "";
        request.on("data", (chunk) => {
            body += chunk;
        });
        request.on("end", () => {
            const { method = "", url: path = "", headers } = request;
            requests.push({ method, path, token: headers.authorization ?? "", body });
            const known = method === "PATCH" || path === "/apis/apps/v1/namespaces/production/statefulsets/stack";
            response.writeHead(known ? 200 : 404).end(JSON.stringify(known ? workload : { message: "not found" }));
        });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return {
        env: { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(port) },
        close: () => server.close(),
    };
}
