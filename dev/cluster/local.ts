import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hashOf } from "../cache";
import { run } from "../command";
import { withLock } from "../lock";
import { installPackages } from "../packages";
import { duration, step } from "../step";
import { ask } from "./api";
import { ensureCertificates } from "./certificates";
import { checkMachine, packagesOf, thisMachine } from "./check";
import * as components from "./components";
import { containerdAnswers, forgetContainers, hierarchies, killEverything, removeTraces } from "./containers";
import { type Daemon, endOfLog, isRunning, startDaemon, startOf, stopDaemon } from "./daemons";
import { pauseArchive } from "./image/pause";
import type { Layout } from "./layout";
import { importArchives } from "./load";
import { unmountAll } from "./mounts";
import { connect, disconnect, isConnected } from "./network";
import { objects } from "./objects";
import { ensurePrograms, type Programs } from "./programs";

/** Without these the cluster is not whole. */
const daemons = [
    "etcd",
    "containerd",
    "apiserver",
    "controllers",
    "scheduler",
    "kubelet",
    "proxy",
    "dns",
    "provisioner",
];

/** Pods are refused until their account is there. */
const accountOfPods = "/api/v1/namespaces/default/serviceaccounts/default";

/** What a fresh start forgets; images and certificates stay. */
const memory = ["etcd", "volumes", "kubelet", "pods", "addresses", "log"];

/** Whether all of the cluster's programs run and its network is there. */
export function isUp(layout: Layout): boolean {
    return isConnected(layout) && daemons.every((name) => isRunning(layout, name));
}

/** Brings the cluster up from whatever state it is in; of one that is up already it only makes sure. */
export async function up(layout: Layout, fresh: boolean): Promise<void> {
    checkMachine(thisMachine());
    await installPackages(packagesOf(thisMachine().missing));
    const programs = await ensurePrograms();
    const pause = await pauseArchive(programs.pause);
    await exclusively(layout, async () => {
        if (fresh) {
            await takeDown(layout);
            for (const name of memory) {
                rmSync(join(layout.state, name), { recursive: true, force: true });
            }
        }
        if (isUp(layout)) {
            await bringUp(layout, programs, pause, (_, work) => work());
            return;
        }
        const remains = isConnected(layout);
        await bringUp(layout, programs, pause, step).catch(async (error: Error) => {
            if (!remains) {
                throw error;
            }
            // What a killed start or stop left behind stands in the way.
            await takeDown(layout);
            await bringUp(layout, programs, pause, step);
        });
    });
}

/** Stops the cluster and removes all that it put into the running system. Its objects, volumes and images stay on disk. */
export async function down(layout: Layout): Promise<void> {
    await exclusively(layout, () => step(`stop cluster ${layout.name}`, () => takeDown(layout)));
}

/** Starting and stopping the same cluster in two processes would be a mess. */
function exclusively<T>(layout: Layout, work: () => Promise<T>): Promise<T> {
    return withLock(`${layout.state}.lock`, work);
}

/** Phases of a start are shown; making sure of what is up already takes no time worth a word. */
type Phase = (title: string, work: () => Promise<void>) => Promise<void>;

async function bringUp(layout: Layout, programs: Programs, pause: string, phase: Phase): Promise<void> {
    await phase(`cluster ${layout.name}: network and certificates`, async () => {
        writeFolders(layout);
        await Promise.all([ensureCertificates(layout), connect(layout)]);
    });
    await phase(`cluster ${layout.name}: API server and containerd`, async () => {
        await startDaemon(layout, components.etcd(layout));
        await startDaemon(layout, components.apiserver(layout, programs));
        await startContainers(layout, pause);
        await until(layout, "apiserver", () => ask(layout.kubeconfig, "/readyz"));
    });
    await phase(`cluster ${layout.name}: node`, async () => {
        ensureControlGroups(layout);
        const rest: Daemon[] = [
            components.kubelet(layout, programs),
            components.controllers(layout, programs),
            components.scheduler(layout, programs),
            components.proxy(layout, programs),
            components.dns(layout, programs),
            components.provisioner(layout, programs),
        ];
        await Promise.all(rest.map((daemon) => startDaemon(layout, daemon)));
        await ensureObjects(layout, programs);
        await until(layout, "kubelet", () => nodeIsReady(layout));
        await until(layout, "controllers", () => ask(layout.kubeconfig, accountOfPods));
        await until(layout, "dns", () => answers(`http://${layout.nodeAddress}:8181/ready`));
    });
}

function writeFolders(layout: Layout): void {
    for (const folder of ["cni", "volumes", "plugins", "pods"]) {
        mkdirSync(join(layout.state, folder), { recursive: true });
    }
    mkdirSync(layout.runtime, { recursive: true, mode: 0o711 });
    const network = components.podNetwork(layout);
    writeFileSync(network.path, network.content);
    writeFileSync(join(layout.state, "resolv.conf"), `nameserver ${layout.nodeAddress}\n`);
}

/** Containers of a former life are unknown to the kubelet, and containerd learns what it has only when it starts. */
async function startContainers(layout: Layout, pause: string): Promise<void> {
    const daemon = components.containerd(layout);
    const start = async () => {
        await startDaemon(layout, daemon);
        await until(layout, daemon.name, () => containerdAnswers(layout));
    };
    await start();
    if (!isRunning(layout, "kubelet") && (await forgetContainers(layout)) > 0) {
        await stopDaemon(layout, daemon.name);
        await start();
    }
    await importArchives(layout, [pause]);
}

async function takeDown(layout: Layout): Promise<void> {
    // The kubelet goes first: it would start again what is ended here. These have nothing to lose, so nobody waits for them.
    const stateless = daemons.filter((name) => name !== "etcd" && name !== "containerd");
    await Promise.all(stateless.map((name) => stopDaemon(layout, name, 0)));
    if (isRunning(layout, "containerd") && (await containerdAnswers(layout))) {
        await forgetContainers(layout);
    }
    await Promise.all([stopDaemon(layout, "containerd"), stopDaemon(layout, "etcd")]);
    await killEverything(layout);
    await unmountAll(layout);
    await disconnect(layout);
    removeTraces(layout);
    rmSync(layout.runtime, { recursive: true, force: true });
}

/** Kubelets need their control group to be there, in each hierarchy. */
function ensureControlGroups(layout: Layout): void {
    for (const root of hierarchies()) {
        mkdirSync(join(root, layout.title), { recursive: true });
    }
}

async function ensureObjects(layout: Layout, programs: Programs): Promise<void> {
    const wanted = objects(layout);
    const mark = hashOf(wanted);
    const path = "/api/v1/namespaces/kube-system/configmaps/understudy";
    if ((await ask(layout.kubeconfig, path))?.includes(mark)) {
        return;
    }
    const done = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "understudy", namespace: "kube-system" },
        data: { objects: mark },
    };
    const list = { apiVersion: "v1", kind: "List", items: [...wanted, done] };
    await run(join(programs.kubernetes, "kubectl"), ["--kubeconfig", layout.kubeconfig, "apply", "-f", "-"], {
        input: JSON.stringify(list),
    });
}

/** What the node said of itself before its kubelet was started does not count. */
async function nodeIsReady(layout: Layout): Promise<boolean> {
    const answer = await ask(layout.kubeconfig, `/api/v1/nodes/${layout.title}`);
    if (answer === undefined) {
        return false;
    }
    const node = JSON.parse(answer) as { status: { conditions?: Condition[] } };
    const ready = node.status.conditions?.find(({ type }) => type === "Ready");
    // Kubernetes counts in whole seconds.
    const since = Math.floor(startOf(layout, "kubelet") / 1000) * 1000;
    return ready?.status === "True" && Date.parse(ready.lastHeartbeatTime) >= since;
}

interface Condition {
    type: string;
    status: string;
    lastHeartbeatTime: string;
}

function answers(url: string): Promise<boolean> {
    return fetch(url, { signal: AbortSignal.timeout(10_000) }).then(
        (answer) => answer.ok,
        () => false,
    );
}

/** Waits for something that the daemon should bring about, and tells the end of its log if it does not in ten minutes. */
async function until(layout: Layout, daemon: string, isSo: () => Promise<unknown>): Promise<void> {
    const patience = 600_000;
    const deadline = Date.now() + patience;
    while (!(await isSo())) {
        if (Date.now() > deadline || !isRunning(layout, daemon)) {
            const what = isRunning(layout, daemon) ? `is not ready after ${duration(patience)}` : "has ended";
            throw new Error(`${daemon} of cluster ${layout.name} ${what}. Its log: ${endOfLog(layout, daemon)}`);
        }
        await sleep(100);
    }
}
