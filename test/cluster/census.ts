import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../dev/command";

/** What the clusters of some names have put into the running system, and all of the host's own packet filters. */
export interface Census {
    processes: string[];
    mounts: string[];
    links: string[];
    namespaces: string[];
    filters: string[];
    routes: string[];
    controlGroups: string[];
    traces: string[];
}

/** The pods that some census has seen: their results have to go, even when the one that names the cluster is gone. */
const known = new Set<string>();

/** Takes the census of whatever carries one of the marks: folders, sockets, titles and cables of clusters. */
export async function census(marks: readonly string[]): Promise<Census> {
    const carries = (text: string) => marks.some((mark) => text.includes(mark));
    const lines = async (command: string, ...args: string[]) => (await run(command, args)).split("\n");
    const filters = [...(await lines("iptables-save")), ...(await lines("ip6tables-save"))];
    return {
        processes: readdirSync("/proc")
            .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
            .map((pid) => commandLine(pid))
            .filter(carries),
        mounts: readFileSync("/proc/mounts", "utf8").split("\n").filter(carries),
        links: (await lines("ip", "-oneline", "link")).map((line) => line.split(":")[1]?.trim() ?? "").filter(carries),
        namespaces: (await lines("ip", "netns")).map((line) => line.split(" ")[0] ?? "").filter(carries),
        filters: filters.filter((line) => !line.startsWith("#")).map((line) => line.replace(/\[\d+:\d+\]/, "")),
        routes: (await lines("ip", "route")).filter(carries),
        controlGroups: groupsBelow("/sys/fs/cgroup").filter(carries),
        traces: [...["/run", "/var/log/containers"].flatMap(entries).filter(carries), ...networkResults(carries)],
    };
}

function commandLine(pid: string): string {
    try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    } catch {
        return "";
    }
}

function groupsBelow(folder: string): string[] {
    const children = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return children.map(({ name }) => join(folder, name)).flatMap((path) => [path, ...groupsBelow(path)]);
}

/** Results of pods' networks, including those that tell their cluster only by the id of a pod that another one names. */
function networkResults(carries: (text: string) => boolean): string[] {
    const results = entries("/var/lib/cni/results");
    const pods = results.filter(carries).map((path) => path.split("-").at(-2) ?? "");
    for (const pod of pods) {
        known.add(pod);
    }
    return results.filter((path) => [...known].some((pod) => path.includes(pod)));
}

function entries(folder: string): string[] {
    return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}
