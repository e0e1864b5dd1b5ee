/** How the measurements are taken. */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { run } from "../dev/command";

/** How often each is taken, at least. */
export const rounds = 3;

/** Seconds that some work takes. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
    const started = performance.now();
    await work();
    return (performance.now() - started) / 1000;
}

/** The middle one of some figures. */
export function median(numbers: number[]): number {
    return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

/** What some work has taken. */
export interface Taken {
    seconds: number;
    /** Seconds that the machine's processors were busy meanwhile, together. */
    busy: number;
}

/** What some work takes with an empty page cache, and until everything is on the disk. */
export async function taken(work: () => Promise<unknown>): Promise<Taken> {
    await run("sh", ["-c", "sync; echo 3 > /proc/sys/vm/drop_caches"]);
    const before = busySeconds();
    const took = await seconds(async () => {
        await work();
        await run("sync", []);
    });
    return { seconds: took, busy: busySeconds() - before };
}

/** Seconds that the processors have been busy since the machine started. */
function busySeconds(): number {
    const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
    const [user = 0, nice = 0, system = 0] = line.trim().split(/ +/).slice(1).map(Number);
    return (user + nice + system) / 100;
}

/** What a way has taken, and how much of it the processors were busy: that limits it, where it comes near to all of it. */
export function describeTimes(all: Taken[]): string {
    const times = all.map(({ seconds }) => seconds);
    const [least, most] = [Math.min(...times), Math.max(...times)].map((one) => one.toFixed(1));
    const share = median(all.map(({ seconds, busy }) => busy / seconds / availableParallelism()));
    return `${median(times).toFixed(1)} s (${least} to ${most}), processors busy for ${(100 * share).toFixed(0)} % of it`;
}

/** Notes the most that a process has in memory, in MiB, until it ends. */
export function notePeak(child: ChildProcess, memory: { peak: number }): void {
    const timer = setInterval(() => {
        memory.peak = Math.max(memory.peak, peakOf(child.pid ?? 0));
    }, 200);
    child.once("exit", () => clearInterval(timer));
}

/** The most that a process has had in memory so far, in MiB. */
function peakOf(pid: number): number {
    try {
        return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
    } catch {
        return 0;
    }
}
