import fc from "fast-check";
import { expect, test } from "vitest";
import { checkMachine, type Machine, neededPrograms, obstacles, packagesOf } from "../../dev/cluster/check";
import { compare } from "../../dev/cluster/image/changes";
import { loadingByHand } from "../../dev/cluster/images";
import { layoutOf } from "../../dev/cluster/layout";
import { mountPoints } from "../../dev/cluster/mounts";
import { isAtLeast } from "../../dev/go";

const able: Machine = {
    platform: "linux",
    architecture: "x64",
    root: true,
    apt: true,
    missing: [],
    overlay: true,
    controlGroups: true,
};

test("a machine that has everything, or apt to bring it, passes", () => {
    expect(obstacles(able)).toEqual([]);
    expect(obstacles({ ...able, missing: Object.keys(neededPrograms) })).toEqual([]);
    expect(() => checkMachine(able)).not.toThrow();
});

test("everything that a machine lacks is told at once, with the way out", () => {
    const unable = {
        ...able,
        root: false,
        apt: false,
        overlay: false,
        controlGroups: false,
        missing: ["etcd", "ip", "ctr"],
    };
    const message = (() => {
        try {
            return String(checkMachine(unable));
        } catch (error) {
            return (error as Error).message;
        }
    })();
    for (const part of [
        "sudo",
        "modprobe overlay",
        "/sys/fs/cgroup",
        "containerd etcd-server iproute2",
        "UNDERSTUDY_CONTEXT",
    ]) {
        expect(message).toContain(part);
    }
    expect(obstacles({ ...unable, platform: "darwin" })).toEqual(["It runs on Linux only; this is darwin."]);
    expect(obstacles({ ...able, architecture: "ia32" })).toHaveLength(1);
});

test("packages are named once each", () => {
    expect(packagesOf(["ctr", "containerd", "/usr/lib/cni/ptp"])).toEqual([
        "containerd",
        "containernetworking-plugins",
    ]);
});

const names = fc.stringMatching(/^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$/);

test("any cluster's names and addresses are such as the kernel takes", () => {
    fc.assert(
        fc.property(names, (name) => {
            const { hostLink, hostAddress, nodeAddress, socket } = layoutOf(name);
            expect(hostLink.length).toBeLessThanOrEqual(15);
            expect(socket.length).toBeLessThanOrEqual(107);
            const [host, node] = [hostAddress, nodeAddress].map((address) => address.split(".").map(Number));
            expect(host?.slice(0, 3)).toEqual(node?.slice(0, 3));
            expect([host?.[0], host?.[1] === 18 || host?.[1] === 19, (host?.[3] ?? 0) % 4]).toEqual([198, true, 1]);
            expect(node?.[3]).toBe((host?.[3] ?? 0) + 1);
        }),
    );
});

test("clusters with different names have different places", () => {
    const layouts = ["demo", "test", "bench", "staging"].map(layoutOf);
    for (const key of ["state", "runtime", "hostLink", "nodeAddress", "title"] as const) {
        expect(new Set(layouts.map((layout) => layout[key])).size).toBe(layouts.length);
    }
});

test.each(["", "Demo", "-demo", "demo-", "de_mo", "1demo", "../demo", "d".repeat(31)])(
    "%j cannot name a cluster",
    (name) => {
        expect(() => layoutOf(name)).toThrow("cannot name a cluster");
    },
);

test("a layer tells what was added, changed, replaced and removed", () => {
    const old = new Map([
        ["kept", "f 1"],
        ["edited", "f 1"],
        ["folder", "d 1"],
        ["folder/inner", "d 1"],
        ["folder/inner/file", "f 1"],
        ["turned", "d 1"],
        ["turned/file", "f 1"],
    ]);
    const now = new Map([
        ["kept", "f 1"],
        ["edited", "f 2"],
        ["folder", "d 2"],
        ["turned", "l 1 elsewhere"],
        ["new", "d 1"],
        ["new/file", "f 1"],
    ]);
    expect(compare(old, now)).toEqual({
        changed: ["edited", "folder", "new", "new/file", "turned"],
        gone: ["folder/inner"],
    });
});

test("mount points are read with the blanks in their names", () => {
    const table = "proc /proc proc rw 0 0\ntmpfs /a\\040b/c\\134d tmpfs rw 0 0\n";
    expect(mountPoints(table)).toEqual(["/proc", "/a b/c\\d"]);
});

test("the command that loads images is that of the context's kind", () => {
    expect(loadingByHand("kind-dev", ["/a.tar", "/b.tar"])).toContain(
        "kind load image-archive --name dev /a.tar /b.tar",
    );
    expect(loadingByHand("k3d-my-own", ["/a.tar"])).toContain("k3d image import --cluster my-own /a.tar");
    expect(loadingByHand("minikube", ["/a.tar", "/b.tar"])).toContain(
        "minikube image load --profile minikube /a.tar && minikube image load --profile minikube /b.tar",
    );
    const unknown = loadingByHand("office", ["/a.tar"]);
    for (const command of ["kind load", "k3d image import", "minikube image load"]) {
        expect(unknown).toContain(command);
    }
});

test("versions are compared number by number", () => {
    expect(isAtLeast("1.26", "1.9")).toBe(true);
    expect(isAtLeast("1.25.8", "1.25.8")).toBe(true);
    expect(isAtLeast("1.25.7", "1.25.8")).toBe(false);
    expect(isAtLeast("3.246.0", "3.99.9")).toBe(true);
    expect(isAtLeast("1", "1.0.1")).toBe(false);
});
