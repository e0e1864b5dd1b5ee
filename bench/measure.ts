/** How the measurements are taken. */
import { readFileSync } from "node:fs";
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
