import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AppsV1Api, CoreV1Api } from "@kubernetes/client-node";
import { beforeAll, expect, test } from "vitest";
import { type Cluster, startCluster } from "../../dev/cluster/index";
import { provideImages } from "../../dev/images";
import { lane } from "./lane";

const place = { namespace: "held", name: "consumer" };
const other = "other";
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
    await Promise.all([create(place.name, 3), create(other, 1)]);
    await until(async () => (await pods()) === 4);
    return async () => {
        await core.deleteNamespace({ name: place.namespace });
    };
});

async function create(name: string, replicas: number): Promise<void> {
    const labels = { app: name };
    const container = {
        name,
        image: "node:20-bookworm-slim",
        command: ["node", "-e", "setInterval(() => {}, 1000)"],
    };
    await apps.createNamespacedDeployment({
        namespace: place.namespace,
        body: {
            metadata: { name },
            spec: {
                replicas,
                selector: { matchLabels: labels },
                template: { metadata: { labels }, spec: { containers: [container], terminationGracePeriodSeconds: 1 } },
            },
        },
    });
}

const pods = async () => (await core.listNamespacedPod({ namespace: place.namespace })).items.length;
const deployment = () => apps.readNamespacedDeployment(place);

async function until(what: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 300_000; !(await what()) && Date.now() < deadline; ) {
        await sleep(200);
    }
    expect(await what()).toBe(true);
}

/** Holds Deployments as a switch does, until they stand still. */
async function hold(...names: string[]): Promise<{ child: ChildProcess; ended: Promise<number | null> }> {
    const child = spawn(process.execPath, [join(__dirname, "../../hosts/main.cjs"), "hold-deployments"], {
        env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
        stdio: ["pipe", "pipe", "inherit"],
    });
    const deployments = names.map((name) => ({ ...place, context: cluster.context, name }));
    const plan = { deployments, timeout: 60 };
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
    const { child, ended } = await hold(place.name);
    expect(await pods()).toBe(1);
    expect((await deployment()).metadata?.annotations?.["understudy/replicas"]).toBe("3");
    child.stdin?.end();
    expect(await ended).toBe(0);
    expect((await deployment()).spec?.replicas).toBe(3);
    expect((await deployment()).metadata?.annotations?.["understudy/replicas"]).toBeUndefined();
});

test("of a run that was killed meanwhile, the next one knows how many there were", async () => {
    const first = await hold(place.name);
    first.child.kill("SIGKILL");
    await first.ended;
    expect((await deployment()).spec?.replicas).toBe(0);
    const { child, ended } = await hold(place.name);
    child.stdin?.end();
    expect(await ended).toBe(0);
    expect((await deployment()).spec?.replicas).toBe(3);
});

test("of two, one gets its replicas also when the other is gone", async () => {
    const { child, ended } = await hold(place.name, other);
    await apps.deleteNamespacedDeployment({ ...place, name: other });
    child.stdin?.end();
    expect(await ended).toBe(1);
    expect((await deployment()).spec?.replicas).toBe(3);
});
