import { readFileSync } from "node:fs";
import { request } from "node:https";

interface Kubeconfig {
    clusters: [{ cluster: { server: string; "certificate-authority-data": string } }];
    users: [{ user: { "client-certificate-data": string; "client-key-data": string } }];
}

/** Asks a local cluster's API server, with the kubeconfig that was written for it. Undefined for any answer but success. */
export function ask(kubeconfig: string, path: string): Promise<string | undefined> {
    const { clusters, users } = JSON.parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig;
    const [{ cluster }] = clusters;
    const [{ user }] = users;
    const decoded = (data: string) => Buffer.from(data, "base64");
    return new Promise((resolve) => {
        const asked = request(
            new URL(path, cluster.server),
            {
                ca: decoded(cluster["certificate-authority-data"]),
                cert: decoded(user["client-certificate-data"]),
                key: decoded(user["client-key-data"]),
                agent: false,
                timeout: 5000,
            },
            (answer) => {
                const chunks: Buffer[] = [];
                answer.on("data", (chunk: Buffer) => chunks.push(chunk));
                answer.on("error", () => resolve(undefined));
                answer.on("end", () =>
                    resolve(answer.statusCode === 200 ? Buffer.concat(chunks).toString("utf8") : undefined),
                );
            },
        );
        asked.on("timeout", () => asked.destroy());
        asked.on("error", () => resolve(undefined));
        asked.end();
    });
}
