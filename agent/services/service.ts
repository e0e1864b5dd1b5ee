import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServicePlan } from "../../contract/hosts";

/** Something that uses the replica's database on this host. */
export interface Service {
    name: string;
    /** Whether anything of it is there, also on its way in or out. */
    runs(): Promise<boolean>;
    /** @throws {Error} with what it said, when it fails */
    stop(): Promise<void>;
    start(): Promise<void>;
}

/** Milliseconds between two looks at a service that is to be gone. */
const round = 100;

/** The service that a plan names. */
export function serviceOf({ name, unit, commands }: ServicePlan): Service {
    if (unit !== undefined) {
        return {
            name,
            runs: async () => !["inactive", "failed"].includes(await stateOf(unit)),
            stop: () => must(name, "stop", ["systemctl", "stop", unit]),
            start: () => must(name, "start", ["systemctl", "start", unit]),
        };
    }
    const { running = "false", stop = "true", start = "true" } = commands ?? {};
    return {
        name,
        runs: async () => (await run(["sh", "-c", running])).status === 0,
        stop: () => must(name, "stop", ["sh", "-c", stop]),
        start: () => must(name, "start", ["sh", "-c", start]),
    };
}

async function stateOf(unit: string): Promise<string> {
    const { status, said } = await run(["systemctl", "show", "--property=LoadState,ActiveState", unit]);
    const properties = new Map(said.split("\n").map((line) => line.split("=") as [string, string]));
    if (status !== 0 || properties.get("LoadState") === "not-found") {
        throw new Error(
            `systemd does not know the unit ${unit}${status === 0 ? "" : ` (${said.trim()})`}: correct its name.`,
        );
    }
    return properties.get("ActiveState") ?? "";
}

/**
 * Waits until a service is gone.
 *
 * @param patience seconds
 * @throws {Error} when that takes longer
 */
export async function gone({ name, runs }: Service, patience: number): Promise<void> {
    const deadline = Date.now() + patience * 1000;
    while (await runs()) {
        if (Date.now() > deadline) {
            throw new Error(
                `Service ${name} was told to stop and still runs after ${patience} s: look why it does not end.`,
            );
        }
        await sleep(round);
    }
}

async function must(name: string, what: string, command: string[]): Promise<void> {
    const { status, said } = await run(command);
    if (status !== 0) {
        throw new Error(`Service ${name} does not ${what} (${said.trim().split("\n").at(-1) || `status ${status}`}).`);
    }
}

/** Runs a command to its end. What it leaves running keeps none of our pipes. */
function run([program = "", ...args]: string[]): Promise<{ status: number | null; said: string }> {
    return new Promise((resolve) => {
        let said = "";
        const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
        for (const stream of [child.stdout, child.stderr]) {
            stream.on("data", (chunk: Buffer) => {
                said = (said + chunk.toString()).slice(0, 4096);
            });
        }
        child.on("error", (error) => resolve({ status: 127, said: error.message }));
        // Not `close`: a daemon that was started may hold the pipes for ever.
        child.on("exit", (status) => {
            child.stdout.destroy();
            child.stderr.destroy();
            resolve({ status, said });
        });
    });
}
