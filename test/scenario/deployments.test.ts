import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AppsV1Api, CoreV1Api } from "@kubernetes/client-node";
import { beforeAll, expect, test } from "vitest";
import { type Cluster, startCluster } from "../../dev/cluster/index";
import { provideImages } from "../../dev/images";
import { lane } from "./lane";

const place = { namespace: "held", name: "consumer" };
let cluster: Cluster;
let apps: AppsV1Api;
let core: CoreV1Api;

beforeAll(async () => {
    cluster = await startCluster(lane.cluster);
    await provideImages(cluster);
    const { AppsV1Api, CoreV1Api, KubeConfig } = await import("@kubernetes/client-node");
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    config.setCurrentContext(cluster.context);
    [apps, core] = [config.makeApiClient(AppsV1Api), config.makeApiClient(CoreV1Api)];
    await core.createNamespace({ body: { metadata: { name: place.namespace } } });
    const labels = { app: "consumer" };
    const container = {
        name: "consumer",
        image: "node:20-bookworm-slim",
        command: ["node", "-e", "setInterval(() => {}, 1000)"],
    };
    await apps.createNamespacedDeployment({
        namespace: place.namespace,
        body: {
            metadata: { name: place.name },
            spec: {
                replicas: 3,
                selector: { matchLabels: labels },
                template: { metadata: { labels }, spec: { containers: [container], terminationGracePeriodSeconds: 1 } },
            },
        },
    });
    await until(async () => (await pods()) === 3);
    return async () => {
        await core.deleteNamespace({ name: place.namespace });
    };
});

const pods = async () => (await core.listNamespacedPod({ namespace: place.namespace })).items.length;
const deployment = () => apps.readNamespacedDeployment(place);

async function until(what: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 300_000; !(await what()) && Date.now() < deadline; ) {
        await sleep(200);
    }
    expect(await what()).toBe(true);
}

/** Holds the Deployment as a switch does, until it stands still. */
async function hold(): Promise<{ child: ChildProcess; ended: Promise<number | null> }> {
    const child = spawn(process.execPath, [join(__dirname, "../../hosts/main.cjs"), "hold-deployments"], {
        env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
        stdio: ["pipe", "pipe", "inherit"],
    });
    const plan = { deployments: [{ context: cluster.context, ...place }], timeout: 60 };
    child.stdin.write(`${JSON.stringify({ plan, secrets: {} })}\n`);
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    for await (const chunk of child.stdout) {
        if (String(chunk).includes('"event":"stopped"')) {
            break;
        }
    }
    return { child, ended };
}

test("a Deployment stands still and gets back the replicas that it had (S1-13)", async () => {
    const { child, ended } = await hold();
    expect(await pods()).toBe(0);
    expect((await deployment()).metadata?.annotations?.["understudy/replicas"]).toBe("3");
    child.stdin?.end();
    expect(await ended).toBe(0);
    expect((await deployment()).spec?.replicas).toBe(3);
    expect((await deployment()).metadata?.annotations?.["understudy/replicas"]).toBeUndefined();
});

test("of a run that was killed meanwhile, the next one knows how many there were", async () => {
    const first = await hold();
    first.child.kill("SIGKILL");
    await first.ended;
    expect((await deployment()).spec?.replicas).toBe(0);
    const { child, ended } = await hold();
    child.stdin?.end();
    expect(await ended).toBe(0);
    expect((await deployment()).spec?.replicas).toBe(3);
});
