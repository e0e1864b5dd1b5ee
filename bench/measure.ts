/** How the measurements are taken. */
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

/** Seconds that some work takes with an empty page cache, and until everything is on the disk. */
export async function coldSeconds(work: () => Promise<unknown>): Promise<number> {
    await run("sh", ["-c", "sync; echo 3 > /proc/sys/vm/drop_caches"]);
    return seconds(async () => {
        await work();
        await run("sync", []);
    });
}
