import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../command";
import { identity, isAlive, type ProcessIdentity } from "../process";
import { endProcess } from "./daemons";
import type { Layout } from "./layout";

/** Runs containerd's client on the cluster's images and containers. */
export function ctr(layout: Layout, args: string[], timeout = 600_000): Promise<string> {
    return run("ctr", ["--address", layout.socket, "--namespace", "k8s.io", ...args], { timeout });
}

/** Whether containerd answers. */
export function containerdAnswers(layout: Layout): Promise<boolean> {
    return ctr(layout, ["version"], 5000).then(
        () => true,
        () => false,
    );
}

/** Ends and forgets all containers. Images stay. Returns how many there were. */
export async function forgetContainers(layout: Layout): Promise<number> {
    const names = (await ctr(layout, ["containers", "list", "--quiet"])).split("\n").filter((name) => name !== "");
    if (names.length > 0) {
        await ctr(layout, ["tasks", "delete", "--force", ...names]).catch(() => {
            // Containers that never ran have no task, which counts as a failure of all.
        });
        await ctr(layout, ["containers", "delete", ...names]);
    }
    return names.length;
}

/** Ends every process of the node and of its containers by force, and removes their control groups. Needs nobody's help. */
export async function killEverything(layout: Layout): Promise<void> {
    // What is just being started while others are ended turns up in the next round.
    for (let left = await processes(layout); left.length > 0; left = await processes(layout)) {
        await Promise.all(left.map((found) => endProcess(found, "SIGKILL", 0)));
    }
    for (const group of controlGroups(layout).flatMap(withDescendants).reverse()) {
        await removeGroup(group);
    }
}

async function processes(layout: Layout): Promise<ProcessIdentity[]> {
    const contained = controlGroups(layout).flatMap(withDescendants).flatMap(members);
    const ids = new Set([...contained, ...(await inNetwork(layout))]);
    return [...ids].map(identity).filter(isAlive);
}

/** The control groups that the kubelet keeps its pods in: one under cgroup v2, one for each controller under v1. */
export function controlGroups(layout: Layout): string[] {
    return hierarchies()
        .map((root) => join(root, layout.title))
        .filter((folder) => existsSync(folder));
}

/** The roots of the control groups' hierarchies: one under cgroup v2, under v1 one for each controller. */
export function hierarchies(): string[] {
    const root = "/sys/fs/cgroup";
    if (existsSync(join(root, "cgroup.controllers"))) {
        return [root];
    }
    return namesIn(root)
        .map((name) => join(root, name))
        .filter((folder) => !isLink(folder) && existsSync(join(folder, "cgroup.procs")));
}

/** Everything that was started in the node's network: its daemons, and the shim that containerd leaves beside each pod. */
async function inNetwork(layout: Layout): Promise<number[]> {
    if (!existsSync(`/run/netns/${layout.title}`)) {
        return [];
    }
    return numbers(await run("ip", ["netns", "pids", layout.title]));
}

/** Parents before children. */
function withDescendants(group: string): string[] {
    const children = readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [group, ...children.flatMap((child) => withDescendants(join(group, child.name)))];
}

function members(group: string): number[] {
    return numbers(readFileSync(join(group, "cgroup.procs"), "utf8"));
}

function numbers(lines: string): number[] {
    return lines
        .split("\n")
        .map(Number)
        .filter((pid) => pid > 0);
}

/** The kernel lets a group go a moment after its last process. */
async function removeGroup(group: string): Promise<void> {
    for (let attempt = 0; ; attempt++) {
        try {
            rmdirSync(group);
            return;
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code === "ENOENT") {
                return;
            }
            if (attempt === 100) {
                throw error;
            }
            await sleep(20);
        }
    }
}

function isLink(path: string): boolean {
    try {
        readlinkSync(path);
        return true;
    } catch {
        return false;
    }
}

/** Removes what containers leave in folders that all clusters of the machine share: results of their network, links to logs. */
export function removeTraces(layout: Layout): void {
    const results = "/var/lib/cni/results";
    const names = namesIn(results);
    // A pod has two results, and only that of its cable carries the cluster's name.
    const prefix = `${layout.title}-`;
    const pods = names
        .filter((name) => name.startsWith(prefix) && /^[0-9a-f]{64}-/.test(name.slice(prefix.length)))
        .map((name) => name.slice(prefix.length, prefix.length + 64));
    const logs = "/var/log/containers";
    const traces = [
        ...names.filter((name) => pods.some((pod) => name.includes(pod))).map((name) => join(results, name)),
        ...namesIn(logs)
            .map((name) => join(logs, name))
            .filter((path) => isLink(path) && readlinkSync(path).startsWith(`${layout.state}/`)),
    ];
    for (const path of traces) {
        rmSync(path, { force: true });
    }
}

function namesIn(folder: string): string[] {
    return existsSync(folder) ? readdirSync(folder) : [];
}
