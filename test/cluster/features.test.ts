import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildImage, loadImages, nodeImage } from "../../dev/cluster/images";
import { type Cluster, startCluster } from "../../dev/cluster/index";
import { ensurePrograms } from "../../dev/cluster/programs";
import { apply, kubectl, pod, ready } from "./pods";

const image = "node:20-bookworm-slim";
let cluster: Cluster;
const folder = mkdtempSync("/var/lib/understudy-features-");

beforeAll(async () => {
    cluster = await startCluster("features", { fresh: true });
    await loadImages(cluster, [await buildImage(await nodeImage())]);
    await apply(cluster, webServer("web"), service("web", "web"));
    await ready(cluster, "web");
});

afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true });
});

function webServer(name: string): object {
    const program = `require("http").createServer((_, answer) => answer.end("${name} answers")).listen(8080);
        console.log("listening")`;
    const readinessProbe = { httpGet: { port: 8080 }, periodSeconds: 1 };
    return pod(name, { image, command: ["node", "-e", program], ports: [{ containerPort: 8080 }], readinessProbe });
}

function service(name: string, app: string): object {
    const spec = { type: "NodePort", selector: { app }, ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }] };
    return { apiVersion: "v1", kind: "Service", metadata: { name }, spec };
}

/** Runs a JavaScript program inside the pod and returns what it prints. */
async function inside(name: string, program: string): Promise<string> {
    return (await kubectl(cluster, ["exec", name, "--", "node", "-e", program])).trim();
}

test("logs, exec and port-forward work", async () => {
    expect(await kubectl(cluster, ["logs", "web"])).toBe("listening\n");
    expect(await inside("web", "console.log(6 * 7)")).toBe("42");

    const { kubernetes } = await ensurePrograms();
    const forward = spawn(`${kubernetes}/kubectl`, [
        "--kubeconfig",
        cluster.kubeconfig,
        "port-forward",
        "pod/web",
        ":8080",
    ]);
    try {
        const line = await new Promise<string>((resolve) =>
            forward.stdout.once("data", (data) => resolve(String(data))),
        );
        const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
        expect(await fetchText(`http://127.0.0.1:${port}`)).toBe("web answers");
    } finally {
        forward.kill();
    }
});

test("a Service answers by name in the cluster, to its own pod as well, and at its NodePort from the host", async () => {
    await apply(cluster, webServer("neighbour"));
    await ready(cluster, "neighbour");
    const ask = `fetch("http://web.default.svc.cluster.local").then((answer) => answer.text()).then(console.log)`;
    expect(await inside("neighbour", ask)).toBe("web answers");
    expect(await inside("web", ask)).toBe("web answers");
    expect(await fetchText(`http://${cluster.address}:30080`)).toBe("web answers");
});

test("names beyond the cluster do not exist, and addresses beyond the host refuse at once", async () => {
    const lookup = `require("dns").lookup("shop.example.com", (error) => console.log(error.code))`;
    expect(await inside("web", lookup)).toBe("ENOTFOUND");
    const connect = `require("net").connect(443, "203.0.113.1").on("error", (error) => console.log(error.code))`;
    expect(await inside("web", connect)).toBe("EHOSTUNREACH");
});

test("a pod reaches a server of the host by the node's gateway", async () => {
    const server = createServer((socket) => socket.end("host answers"));
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    try {
        const { port } = server.address() as { port: number };
        const [a, b, c, d] = cluster.address.split(".").map(Number);
        const host = [a, b, c, (d ?? 0) - 1].join(".");
        const ask = `require("net").connect(${port}, "${host}").on("data", (data) => console.log(String(data)))`;
        expect(await inside("web", ask)).toBe("host answers");
    } finally {
        server.close();
    }
});

test("a claim that names no class gets a volume, which outlives the pod and goes with the claim", async () => {
    const claim = {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: "claim" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    };
    const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "claim" } }];
    const writer = (name: string, script: string) =>
        pod(
            name,
            {
                image,
                command: ["sh", "-c", script],
                volumeMounts: [{ name: "data", mountPath: "/data" }],
                securityContext: { runAsUser: 12345 },
            },
            { volumes, restartPolicy: "Never" },
        );
    await apply(cluster, claim, writer("writer", "echo kept > /data/file"));
    await succeeded("writer");
    const volume = await kubectl(cluster, ["get", "pvc", "claim", "--output=jsonpath={.spec.volumeName}"]);
    const path = await kubectl(cluster, ["get", "pv", volume, "--output=jsonpath={.spec.hostPath.path}"]);
    expect(readFileSync(`${path}/file`, "utf8")).toBe("kept\n");

    await kubectl(cluster, ["delete", "pod", "writer"]);
    await apply(cluster, writer("reader", "grep kept /data/file"));
    await succeeded("reader");

    await kubectl(cluster, ["delete", "pod/reader", "pvc/claim"]);
    await kubectl(cluster, ["wait", "--for=delete", `pv/${volume}`, "--timeout=600s"]);
    expect(existsSync(path)).toBe(false);
});

test("volumes of every kind are mounted: host folder, part of a volume, configuration, secret", async () => {
    writeFileSync(`${folder}/given`, "from the host");
    const config = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "config" }, data: { key: "configured" } };
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "secret" }, stringData: { key: "secret" } };
    const volumes = [
        { name: "host", hostPath: { path: folder, type: "Directory" } },
        { name: "config", configMap: { name: "config" } },
        { name: "secret", secret: { secretName: "secret" } },
    ];
    const mounts = [
        { name: "host", mountPath: "/host" },
        { name: "host", mountPath: "/part", subPath: "generations/one" },
        { name: "config", mountPath: "/config/key", subPath: "key" },
        { name: "secret", mountPath: "/secret", readOnly: true },
    ];
    const script = "cat /host/given /config/key /secret/key > /part/all";
    const container = { image, command: ["sh", "-c", script], volumeMounts: mounts };
    await apply(cluster, config, secret, pod("mounts", container, { volumes, restartPolicy: "Never" }));
    await succeeded("mounts");
    expect(readFileSync(`${folder}/generations/one/all`, "utf8")).toBe("from the hostconfiguredsecret");
});

test("a container's last word reaches its status", async () => {
    const command = ["sh", "-c", "echo 'the reason' > /dev/termination-log; exit 3"];
    await apply(cluster, pod("failing", { image, command }, { restartPolicy: "Never" }));
    await kubectl(cluster, ["wait", "--for=jsonpath={.status.phase}=Failed", "pod/failing", "--timeout=600s"]);
    const state = await kubectl(cluster, [
        "get",
        "pod",
        "failing",
        "--output=jsonpath={.status.containerStatuses[0].state.terminated.message}",
    ]);
    expect(state.trim()).toBe("the reason");
});

test("the restricted level of pod security is enforced", async () => {
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await apply(cluster, { apiVersion: "v1", kind: "Namespace", metadata: { name: "restricted", labels } });
    const refused = kubectl(cluster, ["--namespace=restricted", "create", "-f", "-"], pod("loose", { image }));
    await expect(refused).rejects.toThrow(/violates PodSecurity "restricted:latest"/);
});

test("an image that was not loaded fails soon and by name", async () => {
    await apply(cluster, pod("absent", { image: "absent-image:1" }));
    const reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}";
    await kubectl(cluster, ["wait", `--for=${reason}=ErrImagePull`, "pod/absent", "--timeout=600s"]);
});

test("a cluster that the environment names is used as it is, and stays when it is stopped", async () => {
    const { KUBECONFIG, UNDERSTUDY_CONTEXT } = process.env;
    process.env.KUBECONFIG = cluster.kubeconfig;
    try {
        process.env.UNDERSTUDY_CONTEXT = cluster.context;
        const existing = await startCluster("any");
        const { kubeconfig, context, address } = cluster;
        expect(existing).toMatchObject({ name: "any", origin: "existing", kubeconfig, context, address, state: "" });
        expect(await loadImages(existing, ["/tmp/image.tar"])).toContain("kind load image-archive");
        await existing.stop();
        expect(await fetchText(`http://${cluster.address}:30080`)).toBe("web answers");

        process.env.UNDERSTUDY_CONTEXT = "elsewhere";
        await expect(startCluster("any")).rejects.toThrow(
            `"elsewhere", which does not exist. Known contexts: ${context}.`,
        );
    } finally {
        restore({ KUBECONFIG, UNDERSTUDY_CONTEXT });
    }
});

function restore(variables: Record<string, string | undefined>): void {
    for (const [name, value] of Object.entries(variables)) {
        if (value === undefined) {
            delete process.env[name];
        } else {
            process.env[name] = value;
        }
    }
}

function succeeded(name: string): Promise<string> {
    return kubectl(cluster, ["wait", "--for=jsonpath={.status.phase}=Succeeded", `pod/${name}`, "--timeout=600s"]);
}

async function fetchText(address: string): Promise<string> {
    return (await fetch(address)).text();
}
