/**
 * `npm run bench -- program`: what it costs to run understudy at all, on the demo. One line a figure, with the goal in
 * brackets. Everything is measured on whatever else this machine is doing: run it on a quiet one.
 * It begins by removing the demo and what it has made.
 */
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import type { CoreV1Api } from "@kubernetes/client-node";
import pg from "pg";
import { production } from "../demo/production";
import { startCluster, stopCluster } from "../dev/cluster/index";
import { run } from "../dev/command";
import { forgetWorkspace, openWorkspace, understudy, type Workspace } from "../dev/workspace";
import { configOf, productionCluster, runProgram } from "../test/program/monitor";
import { median, seconds } from "./measure";

const project = path.dirname(__dirname);

export async function program(): Promise<void> {
    report("U1 program load", await programLoad(), 1.5);
    // Caches and loaded images are there; production, its backup and the replica are not.
    await forgetWorkspace("demo");
    await rm(production.stores, { recursive: true, force: true });
    await (await startCluster("demo", { fresh: true })).stop();
    report("U6 npm run demo, warm caches", await seconds(() => run("npm", ["run", "demo"], { cwd: project })), 90);
    const cluster = await startCluster("demo");
    const workspace = await openWorkspace("demo", cluster);
    report("U2 up with nothing to do", median(await repeated(3, () => seconds(() => up(workspace)))), 3);
    const { databaseAway, pageGap } = await refresh(cluster);
    report("U3 database away during a refresh", databaseAway, 0.2);
    report("U4 last old page answer to first new one", pageGap, 15);
    await stopCluster("demo");
    report("U5 cluster start from cache", await seconds(() => startCluster("demo")), 15);
}

function report(what: string, measured: number, goal: number): void {
    console.log(`${what}: ${measured.toFixed(2)} s (${goal})`);
}

/** From the program's import, before which the SDK registers the stack, to its last registration, without an engine. */
async function programLoad(): Promise<number> {
    const config = configOf(await readFile(path.join(project, "Pulumi.demo.yaml"), "utf8"));
    const loads = await repeated(5, async () => {
        const { registrations } = await runProgram({ config, cluster: productionCluster });
        return (registrations.at(-1)?.seconds ?? 0) - (registrations[0]?.seconds ?? 0);
    });
    return median(loads);
}

async function up(workspace: Workspace): Promise<void> {
    const { status, output } = await understudy(workspace, ["up", "demo"]);
    if (status !== 0) {
        throw new Error(output);
    }
}

/** Refreshes the database while eight clients query it and one reads the page, all without a pause. */
async function refresh(cluster: { kubeconfig: string; context: string; address: string }) {
    const { CoreV1Api, KubeConfig } = await import("@kubernetes/client-node");
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    config.setCurrentContext(cluster.context);
    const core = config.makeApiClient(CoreV1Api);
    const secret = await core.readNamespacedSecret({ name: "database", namespace: "replica" });
    const password = Buffer.from(secret.data?.password ?? "", "base64").toString();
    return exposed(core, async (port) => {
        const going = { on: true };
        const database = { host: cluster.address, port, user: "postgres", password, database: "catalogue" };
        const clients = Array.from({ length: 8 }, () => longestGap(going, database));
        const pages = pageGap(going, `http://${cluster.address}:30080/`);
        try {
            const stackFile = await readFile(path.join(project, "Pulumi.demo.yaml"), "utf8");
            const again = stackFile.replace(
                /(owner: catalogue_owner[\s\S]*?refresh: )".*?"/,
                `$1"bench ${Date.now()}"`,
            );
            await up(await openWorkspace("demo", cluster, { demo: again }));
        } finally {
            going.on = false;
        }
        return { databaseAway: Math.max(...(await Promise.all(clients))), pageGap: await pages };
    });
}

/** The longest time between two answers that one client gets, reconnecting whenever it is put out. */
async function longestGap(going: { on: boolean }, database: pg.ClientConfig): Promise<number> {
    let last = 0;
    let longest = 0;
    while (going.on) {
        const client = new pg.Client(database);
        client.on("error", () => {});
        try {
            await client.connect();
            while (going.on) {
                await client.query("select 1");
                const now = performance.now();
                longest = last === 0 ? 0 : Math.max(longest, now - last);
                last = now;
            }
        } catch {
            // Put out by the switch: connect again at once, as a pool does.
        } finally {
            await client.end().catch(() => {});
        }
    }
    return longest / 1000;
}

/** The time between the last answer that names the old generation and the first that names the new one. */
async function pageGap(going: { on: boolean }, address: string): Promise<number> {
    let shown = "";
    let last = performance.now();
    let gap = 0;
    while (going.on) {
        const response = await fetch(address, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
        const page = response?.ok ? await response.text().catch(() => "") : "";
        const generation = /database[\s\S]{0,80}?([0-9a-f]{10})/.exec(page)?.[1];
        if (generation !== undefined) {
            const now = performance.now();
            if (shown !== "" && generation !== shown) {
                gap = now - last;
            }
            shown = generation;
            last = now;
        }
    }
    return gap / 1000;
}

/** Makes the database answer at a port of the node while work is done, as it answers clients in the cluster. */
async function exposed<T>(core: CoreV1Api, work: (port: number) => Promise<T>): Promise<T> {
    const [name, namespace, port] = ["bench", "replica", 30543];
    const ports = [{ port: 5432, nodePort: port }];
    const spec = { type: "NodePort", ports, selector: { "app.kubernetes.io/name": "database" } };
    await core.createNamespacedService({ namespace, body: { metadata: { name }, spec } });
    try {
        return await work(port);
    } finally {
        await core.deleteNamespacedService({ name, namespace });
    }
}

async function repeated(times: number, measure: () => Promise<number>): Promise<number[]> {
    const measured: number[] = [];
    for (let i = 0; i < times; i++) {
        measured.push(await measure());
    }
    return measured;
}
