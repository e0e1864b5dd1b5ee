/** A cluster's API as far as the Lease of a replica goes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { V1Lease } from "@kubernetes/client-node";
import yaml from "js-yaml";

/** What stands in for the cluster, and what it holds. */
export interface LeaseApi {
    /** Kubeconfig whose context `here` is this cluster. */
    kubeconfig: string;
    /** Whether there is a namespace. */
    namespace: boolean;
    /** Whose that namespace is. */
    owner: string;
    /** Whether it lets whoever asks have leases. */
    allows: boolean;
    lease: V1Lease | undefined;
    /** Methods and paths that were asked for. */
    asked: string[];
    close(): void;
}

/** Stands in for a cluster whose only objects are a namespace and its Lease; it refuses what is not of the last version, as clusters do. */
export async function startLeaseApi(): Promise<LeaseApi> {
    const folder = mkdtempSync(join(tmpdir(), "understudy-lease-"));
    let version = 0;
    const path = "/apis/coordination.k8s.io/v1/namespaces/replica/leases";
    const answer = (method: string, url: string, body: V1Lease | undefined): [status: number, body: object] => {
        if (!api.allows) {
            return [403, { message: "is forbidden" }];
        }
        if (!api.namespace) {
            return [404, { message: "no namespace" }];
        }
        if (url === "/api/v1/namespaces/replica") {
            return [200, { metadata: { labels: { "understudy/stack": api.owner } } }];
        }
        if (url === path && method === "POST") {
            return api.lease === undefined ? [201, write(body)] : [409, { message: "is there" }];
        }
        if (url !== `${path}/understudy` || api.lease === undefined) {
            return [404, { message: "no lease" }];
        }
        if (method === "GET") {
            return [200, api.lease];
        }
        const wanted =
            method === "PUT"
                ? body?.metadata?.resourceVersion
                : (body as { preconditions?: { resourceVersion?: string } } | undefined)?.preconditions
                      ?.resourceVersion;
        if (wanted !== api.lease.metadata?.resourceVersion) {
            return [409, { message: "is of another version" }];
        }
        if (method === "DELETE") {
            api.lease = undefined;
            return [200, {}];
        }
        return [200, write(body)];
    };
    const write = (body: V1Lease | undefined): V1Lease => {
        version += 1;
        api.lease = { ...body, metadata: { ...body?.metadata, resourceVersion: `${version}`, uid: "u" } };
        return api.lease;
    };
    const server = createServer((request, response) => {
        let text = "";
        request.on("data", (chunk) => {
            text += chunk;
        });
        request.on("end", () => {
            api.asked.push(`${request.method} ${request.url}`);
            const [status, body] = answer(
                request.method ?? "",
                request.url ?? "",
                text === "" ? undefined : JSON.parse(text),
            );
            response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
        });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const kubeconfig = join(folder, "kubeconfig");
    writeFileSync(
        kubeconfig,
        yaml.dump({
            apiVersion: "v1",
            kind: "Config",
            clusters: [
                { name: "here", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } },
            ],
            users: [{ name: "here", user: {} }],
            contexts: [{ name: "here", context: { cluster: "here", user: "here" } }],
        }),
    );
    const api: LeaseApi = {
        kubeconfig,
        namespace: true,
        owner: "understudy.demo",
        allows: true,
        lease: undefined,
        asked: [],
        close() {
            server.close();
            rmSync(folder, { recursive: true });
        },
    };
    return api;
}
