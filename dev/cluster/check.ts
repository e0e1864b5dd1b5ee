import { existsSync, readFileSync } from "node:fs";

/** What a machine offers to a local cluster. */
export interface Machine {
    /** The operating system, as Node names it. */
    platform: string;
    /** The processor, as Node names it. */
    architecture: string;
    /** Whether this process is root's. */
    root: boolean;
    /** Whether missing programs can be installed from Debian packages. */
    apt: boolean;
    /** Those of {@link neededPrograms} that are absent. */
    missing: string[];
    /** Whether the kernel can lay file systems over one another. */
    overlay: boolean;
    /** Whether control groups are mounted, of either version. */
    controlGroups: boolean;
}

/** Programs that a local cluster calls, and the Debian packages that bring them. */
export const neededPrograms: Readonly<Record<string, string>> = {
    conntrack: "conntrack",
    containerd: "containerd",
    ctr: "containerd",
    etcd: "etcd-server",
    ip: "iproute2",
    iptables: "iptables",
    mmdebstrap: "mmdebstrap",
    nsenter: "util-linux",
    openssl: "openssl",
    runc: "runc",
    sysctl: "procps",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
};

/** Looks at this machine. */
export function thisMachine(): Machine {
    return {
        platform: process.platform,
        architecture: process.arch,
        root: process.getuid?.() === 0,
        apt: existsSync("/usr/bin/apt-get"),
        missing: Object.keys(neededPrograms).filter((program) => !isInstalled(program)),
        overlay: process.platform === "linux" && readFileSync("/proc/filesystems", "utf8").includes("\toverlay\n"),
        controlGroups: existsSync("/sys/fs/cgroup/cgroup.controllers") || existsSync("/sys/fs/cgroup/memory"),
    };
}

/** Each reason for which a local cluster cannot run on the machine, as a sentence; none if it can. */
export function obstacles(machine: Machine): string[] {
    if (machine.platform !== "linux") {
        return [`It runs on Linux only; this is ${machine.platform}.`];
    }
    const found: string[] = [];
    if (!["x64", "arm64"].includes(machine.architecture)) {
        found.push(`It runs on x64 and arm64 processors only; this is ${machine.architecture}.`);
    }
    if (!machine.root) {
        found.push("It makes network namespaces and mounts, which only root may: run the same command with sudo.");
    }
    if (!machine.overlay) {
        found.push('The kernel lacks the overlay file system: try "modprobe overlay".');
    }
    if (!machine.controlGroups) {
        found.push("No control groups are mounted in /sys/fs/cgroup: start the machine or container with them.");
    }
    if (machine.missing.length > 0 && !machine.apt) {
        const packages = packagesOf(machine.missing).join(" ");
        found.push(`${machine.missing.join(", ")} must be installed by hand; Debian's packages are: ${packages}.`);
    }
    return found;
}

/** The Debian packages that bring the programs. */
export function packagesOf(programs: readonly string[]): string[] {
    return [...new Set(programs.map((program) => neededPrograms[program] ?? program))].sort();
}

/**
 * Refuses a machine that cannot run a local cluster.
 *
 * @throws Error with every obstacle, and the way out.
 */
export function checkMachine(machine: Machine): void {
    const found = obstacles(machine);
    if (found.length > 0) {
        const list = found.map((sentence) => `\n  - ${sentence}`).join("");
        throw new Error(
            `This machine cannot run the local cluster:${list}\nAny other cluster will do: set UNDERSTUDY_CONTEXT to a context of your kubeconfig, such as that of kind, k3d or minikube.`,
        );
    }
}

function isInstalled(program: string): boolean {
    const folders = (process.env.PATH ?? "").split(":");
    return program.startsWith("/") ? existsSync(program) : folders.some((folder) => existsSync(`${folder}/${program}`));
}
