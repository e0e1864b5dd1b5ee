import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hashOf } from "../cache";
import { identity, isAlive, type ProcessIdentity } from "../process";
import type { Layout } from "./layout";
import { enter } from "./network";

/** A program that runs for as long as the cluster does, in the node's network. */
export interface Daemon {
    /** What its log and process file are called. */
    name: string;
    /** The program and its arguments. */
    command: string[];
    /** Its configuration file, by path and content; written before it starts. */
    file?: { path: string; content: string };
}

interface DaemonRecord extends ProcessIdentity {
    /** When it was started, in milliseconds since 1970. */
    started: number;
    /** A hash of the daemon's command and configuration: with others it has to be started anew. */
    definition: string;
}

/** Starts the daemon unless it runs already with this very command and configuration. */
export async function startDaemon(layout: Layout, daemon: Daemon): Promise<void> {
    const definition = hashOf(daemon);
    const running = recordOf(layout, daemon.name);
    if (running !== undefined && isAlive(running)) {
        if (running.definition === definition) {
            return;
        }
        await stopDaemon(layout, daemon.name);
    }
    for (const folder of ["log", "process"]) {
        mkdirSync(join(layout.state, folder), { recursive: true });
    }
    if (daemon.file) {
        writeFileSync(daemon.file.path, daemon.file.content, { mode: 0o600 });
    }
    const log = openSync(logOf(layout, daemon.name), "w");
    const child = spawn("nsenter", [...enter(layout), ...daemon.command], {
        cwd: layout.state,
        detached: true,
        stdio: ["ignore", log, log],
    });
    closeSync(log);
    const record: DaemonRecord = { ...identity(await pidOf(child)), started: Date.now(), definition };
    writeFileSync(processFile(layout, daemon.name), JSON.stringify(record));
    child.unref();
}

/** Ends the daemon, by force if it does not leave in time. The patience is in milliseconds. */
export async function stopDaemon(layout: Layout, name: string, patience = 5000): Promise<void> {
    const record = recordOf(layout, name);
    if (record !== undefined && isAlive(record)) {
        await endProcess(record, "SIGTERM", patience);
    }
    rmSync(processFile(layout, name), { force: true });
}

/** Whether the daemon runs, whatever its configuration. */
export function isRunning(layout: Layout, name: string): boolean {
    const record = recordOf(layout, name);
    return record !== undefined && isAlive(record);
}

/** When the daemon was started, in milliseconds since 1970; 0 if it never was. */
export function startOf(layout: Layout, name: string): number {
    return recordOf(layout, name)?.started ?? 0;
}

/** The end of a daemon's log, for an error that it caused. */
export function endOfLog(layout: Layout, name: string): string {
    const file = logOf(layout, name);
    const text = existsSync(file) ? readFileSync(file, "utf8").trimEnd() : "";
    return `${file}\n${text.split("\n").slice(-5).join("\n")}`;
}

/** Sends a signal, and SIGKILL once the patience (in milliseconds) is over; returns when the process is gone. */
export async function endProcess(process_: ProcessIdentity, signal: NodeJS.Signals, patience: number): Promise<void> {
    const deadline = Date.now() + patience;
    send(process_.pid, signal);
    while (isAlive(process_)) {
        if (Date.now() > deadline) {
            send(process_.pid, "SIGKILL");
        }
        await sleep(20);
    }
}

function send(pid: number, signal: NodeJS.Signals): void {
    try {
        process.kill(pid, signal);
    } catch {
        // It was gone already, which is what was wanted.
    }
}

function pidOf(child: ChildProcess): Promise<number> {
    return new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once("spawn", () => resolve(child.pid ?? 0));
    });
}

function recordOf(layout: Layout, name: string): DaemonRecord | undefined {
    try {
        return JSON.parse(readFileSync(processFile(layout, name), "utf8")) as DaemonRecord;
    } catch {
        return undefined;
    }
}

function processFile(layout: Layout, name: string): string {
    return join(layout.state, "process", `${name}.json`);
}

function logOf(layout: Layout, name: string): string {
    return join(layout.state, "log", `${name}.log`);
}
