import { spawn } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cache } from "./cache";
import type { Cluster } from "./cluster/index";
import { type Engine, ensureEngine } from "./engine";
import { installStandins, type Package } from "./standins";

/** A place to run stacks in: their files, their state, and the engine's environment. */
export interface Workspace {
    /** Folder with `Pulumi.yaml` and the stack files. */
    folder: string;
    env: NodeJS.ProcessEnv;
    engine: Engine;
    /** Provider packages of which only stand-ins are there. */
    standins: string[];
}

const project = dirname(__dirname);

/**
 * A workspace on a cluster, with state in the cache and a passphrase that protects nothing but throw-away data.
 *
 * @param name names the state's folder.
 * @param stackFiles texts of the stack files, by stack; the project's own folder is used if left out.
 * @param packages providers that the stacks need.
 */
export async function openWorkspace(
    name: string,
    cluster: Pick<Cluster, "kubeconfig">,
    stackFiles?: Record<string, string>,
    packages: readonly Package[] = ["kubernetes"],
): Promise<Workspace> {
    const engine = await ensureEngine();
    const standins = await installStandins(engine, packages);
    const state = join(cache, "state", name);
    await mkdir(state, { recursive: true });
    await releaseLocks(state);
    const folder = stackFiles === undefined ? project : join(state, "project");
    if (stackFiles !== undefined) {
        await mkdir(folder, { recursive: true });
        await copyFile(join(project, "Pulumi.yaml"), join(folder, "Pulumi.yaml"));
        for (const [stack, text] of Object.entries(stackFiles)) {
            await writeFile(join(folder, `Pulumi.${stack}.yaml`), text);
        }
    }
    const env = {
        ...process.env,
        KUBECONFIG: cluster.kubeconfig,
        PATH: [dirname(engine.command), process.env.PATH].join(delimiter),
        PULUMI_HOME: engine.home,
        PULUMI_BACKEND_URL: `file://${state}`,
        PULUMI_CONFIG_PASSPHRASE: "understudy",
        PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    return { folder, env, engine, standins };
}

/** Removes the locks of operations that were killed: the engine names each owner's process in its lock. */
async function releaseLocks(state: string): Promise<void> {
    const locks = join(state, ".pulumi", "locks");
    const entries = await readdir(locks, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries.filter((file) => file.isFile())) {
        const file = join(entry.parentPath, entry.name);
        const { pid } = JSON.parse(await readFile(file, "utf8")) as { pid: number };
        if (!isAlive(pid)) {
            await rm(file);
        }
    }
}

/** Whether a process is still there, or any of a group where the number is negative. */
function isAlive(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return true;
    } catch {
        return false;
    }
}

/** Removes a workspace's state and files. The cluster's objects stay: wipe first. */
export async function forgetWorkspace(name: string): Promise<void> {
    await rm(join(cache, "state", name), { recursive: true, force: true });
}

/** The engine and providers of a workspace, in words. */
export function described({ engine, standins }: Workspace): string {
    const providers = standins.length === 0 ? "real providers" : `stand-in for ${standins.join(", ")}`;
    return `Pulumi ${engine.version} (${engine.origin}), ${providers}`;
}

/** How a run of the command line ended, and all that it printed. */
export interface Ended {
    status: number;
    output: string;
}

/** How the command line is watched and stopped. */
export interface Watching {
    /** Is handed everything that it prints, as it does. */
    show?: (text: string) => void;
    /** Ends all of its processes at once, with the signal that is the reason: `SIGINT` as Ctrl-C does, or `SIGKILL`. */
    stop?: AbortSignal;
}

/** Milliseconds that processes which were told to end may take for it. */
const patience = 10_000;

/** Runs `understudy <arguments>` in a workspace. */
export function understudy({ folder, env }: Workspace, args: string[], watching: Watching = {}): Promise<Ended> {
    const { show = () => {}, stop } = watching;
    const entry = join(project, "cli", "understudy.mjs");
    const child = spawn(process.execPath, [entry, ...args], {
        cwd: folder,
        env,
        stdio: ["ignore", "pipe", "pipe"],
        // A group of its own can be stopped as a terminal does it; otherwise it belongs to this one's terminal.
        detached: stop !== undefined,
    });
    stop?.addEventListener("abort", () => child.pid && process.kill(-child.pid, stop.reason), { once: true });
    // A group of its own would go on when nobody waits for it any more.
    const left = () => stop !== undefined && isAlive(-(child.pid ?? 0)) && process.kill(-(child.pid ?? 0), "SIGKILL");
    process.once("exit", left);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
            output += text;
            show(text);
        });
    }
    return new Promise((resolve, reject) => {
        child.on("error", reject);
        child.on("close", async (status) => {
            process.off("exit", left);
            // Of a group that was killed others may live a moment longer than the first: the engine still holds its lock.
            for (let rest = patience; stop?.aborted === true && isAlive(-(child.pid ?? 0)) && rest > 0; rest -= 20) {
                await sleep(20);
            }
            resolve({ status: status ?? 1, output });
        });
    });
}
