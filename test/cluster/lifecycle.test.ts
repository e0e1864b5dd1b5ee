import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, findCluster, startCluster, stopCluster } from "../../dev/cluster/index";
import { layoutOf } from "../../dev/cluster/layout";
import { type Census, census } from "./census";
import { apply, kubectl, pod, ready } from "./pods";

const [one, two] = ["lifecycle-one", "lifecycle-two"];
const marks = [one, two].flatMap((name) => {
    const { state, runtime, title, hostLink } = layoutOf(name);
    return [`${state}/`, runtime, title, hostLink];
});
let before: Census;

beforeAll(async () => {
    await Promise.all([stopCluster(one), stopCluster(two)]);
    before = await census(marks);
    const nothing = { processes: [], mounts: [], links: [], namespaces: [], routes: [], controlGroups: [], traces: [] };
    expect(before).toEqual({ ...nothing, filters: before.filters });
});

afterAll(() => Promise.all([stopCluster(one), stopCluster(two)]));

/** A pod with all that a pod can leave behind: mounts of three kinds, control groups, a network interface. */
function busyPod(name: string): object {
    const limits = { memory: "64Mi", cpu: "100m" };
    const volumes = [
        { name: "memory", emptyDir: { medium: "Memory" } },
        { name: "secret", secret: { secretName: "secret" } },
        { name: "disk", emptyDir: {} },
    ];
    const mounts = volumes.map((volume) => ({ name: volume.name, mountPath: `/${volume.name}` }));
    mounts.push({ name: "disk", mountPath: "/part", subPath: "part" } as (typeof mounts)[number]);
    return pod(name, { image: "understudy/pause:1", resources: { limits }, volumeMounts: mounts }, { volumes });
}

const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "secret" }, stringData: { word: "hidden" } };

/** The ids of the cluster's own programs, by name. */
function processIds(cluster: Cluster): Record<string, number> {
    const folder = join(cluster.state, "process");
    return Object.fromEntries(
        readdirSync(folder).map((file) => [file, JSON.parse(readFileSync(join(folder, file), "utf8")).pid]),
    );
}

function kill(cluster: Cluster, names: string[]): void {
    const ids = processIds(cluster);
    for (const name of names) {
        process.kill(ids[`${name}.json`] ?? Number.NaN, "SIGKILL");
    }
}

test("a cluster that was stopped leaves nothing in the running system", async () => {
    const cluster = await startCluster(one, { fresh: true });
    await apply(cluster, secret, busyPod("first"));
    await ready(cluster, "first");
    const during = await census(marks);
    const { filters, ...found } = during;
    for (const [kind, entries] of Object.entries(found)) {
        expect(entries, kind).not.toEqual([]);
    }
    expect(filters).toEqual(before.filters);

    await cluster.stop();
    expect(await census(marks)).toEqual(before);
    expect(await findCluster(one)).toBeUndefined();
});

test("a cluster that is started again has its objects and runs its pods; a fresh one has none", async () => {
    const again = await startCluster(one);
    await ready(again, "first");
    const ids = processIds(again);
    expect(processIds(await startCluster(one))).toEqual(ids);
    expect(processIds((await findCluster(one)) ?? again)).toEqual(ids);

    const fresh = await startCluster(one, { fresh: true });
    expect(await kubectl(fresh, ["get", "pods", "--output=name"])).toBe("");
});

test("a start repairs a cluster of which half was killed, and its pods go on", async () => {
    const cluster = await startCluster(one);
    await apply(cluster, secret, busyPod("second"));
    await ready(cluster, "second");
    const uid = () => kubectl(cluster, ["get", "pod", "second", "--output=jsonpath={.metadata.uid}"]);
    const former = await uid();
    for (const half of [
        ["etcd", "containerd", "proxy", "scheduler"],
        ["apiserver", "controllers", "kubelet", "dns", "provisioner"],
    ]) {
        kill(cluster, half);
        expect(await findCluster(one)).toBeUndefined();
        await startCluster(one);
        await ready(cluster, "second");
        expect(await uid()).toBe(former);
        await kubectl(cluster, ["delete", "pod", "third", "--ignore-not-found"]);
        await apply(cluster, busyPod("third"));
        await ready(cluster, "third");
    }
});

test("a stop removes all of a cluster of which half was killed, containerd included", async () => {
    const cluster = await startCluster(one);
    await apply(cluster, secret, busyPod("fourth"));
    await ready(cluster, "fourth");
    kill(cluster, ["containerd", "kubelet", "apiserver", "proxy"]);
    await cluster.stop();
    expect(await census(marks)).toEqual(before);

    const again = await startCluster(one);
    await ready(again, "fourth");
    await again.stop();
    expect(await census(marks)).toEqual(before);
});

test("a start that was killed anywhere is made good by the next", async () => {
    for (const moment of [300, 1500, 3000]) {
        await stopCluster(one);
        const project = join(__dirname, "..", "..");
        const start = spawn(process.execPath, [join(project, "dev/run.mjs"), "cluster", "up", one], {
            detached: true,
            stdio: "ignore",
        });
        const gone = new Promise((resolve) => start.once("exit", resolve));
        await sleep(moment);
        process.kill(-(start.pid ?? Number.NaN), "SIGKILL");
        await gone;
        const cluster = await startCluster(one);
        await ready(cluster, "fourth");
    }
    await stopCluster(one);
    expect(await census(marks)).toEqual(before);
});

test("two clusters run side by side, and one stays when the other goes", async () => {
    const [first, second] = await Promise.all([startCluster(one, { fresh: true }), startCluster(two, { fresh: true })]);
    expect(first.address).not.toBe(second.address);
    await Promise.all([first, second].map((cluster) => apply(cluster, secret, busyPod("fifth"))));
    await Promise.all([first, second].map((cluster) => ready(cluster, "fifth")));

    await first.stop();
    await apply(second, busyPod("sixth"));
    await ready(second, "sixth");
    await second.stop();
    expect(await census(marks)).toEqual(before);
});
