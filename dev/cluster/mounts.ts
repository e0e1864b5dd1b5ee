import { readFileSync } from "node:fs";
import { run } from "../command";
import type { Layout } from "./layout";

/** The mount points of the cluster's containers and volumes, innermost first. */
export function mounts(layout: Layout): string[] {
    return mountPoints(readFileSync("/proc/mounts", "utf8"))
        .filter((path) => path.startsWith(`${layout.state}/`) || path.startsWith(`${layout.runtime}/`))
        .reverse();
}

/** Unmounts them all; what is still in use goes when its last user does. */
export async function unmountAll(layout: Layout): Promise<void> {
    for (const path of mounts(layout)) {
        await run("umount", [path]).catch(() => run("umount", ["--lazy", path]));
    }
}

/** The paths in the text of /proc/mounts, in the order in which they were mounted. */
export function mountPoints(table: string): string[] {
    return table
        .split("\n")
        .map((line) => line.split(" ")[1] ?? "")
        .filter((path) => path !== "")
        .map((path) =>
            path.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))),
        );
}
