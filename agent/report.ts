/** How a run tells what it does: progress lines, phases with their duration, figures that people can read. */

/** One progress line on standard output. */
export function log(text: string): void {
    process.stdout.write(`${text}\n`);
}

/** The phases of a run, in their order, with the seconds that each took. */
export class Phases {
    readonly finished: { name: string; seconds: number }[] = [];
    private readonly started = performance.now();

    /** Runs a phase and records how long it took, also when it fails. */
    async run<T>(name: string, work: () => Promise<T>): Promise<T> {
        const start = performance.now();
        log(`${name} …`);
        try {
            return await work();
        } finally {
            const seconds = secondsSince(start);
            this.finished.push({ name, seconds });
            log(`${name}: ${seconds} s`);
        }
    }

    /** Seconds since the run began. */
    get total(): number {
        return secondsSince(this.started);
    }
}

/** Writes at most one progress line every few seconds. */
export class Ticker {
    private last = performance.now();

    tick(line: () => string): void {
        if (performance.now() - this.last > 5_000) {
            this.last = performance.now();
            log(line());
        }
    }
}

function secondsSince(start: number): number {
    return Math.round(performance.now() - start) / 1000;
}

/** Bytes with a unit: `formatBytes(1536) === "1.5 KiB"`. */
export function formatBytes(bytes: number): string {
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
    const figure = bytes / 1024 ** power;
    return `${power === 0 ? figure : figure.toFixed(1)} ${units[power]}`;
}

/** A time span in its two largest units: `formatAge(93780) === "1 d 2 h"`. */
export function formatAge(seconds: number): string {
    const units: [string, number][] = [
        ["d", 86_400],
        ["h", 3_600],
        ["min", 60],
        ["s", 1],
    ];
    let left = Math.max(0, Math.round(seconds));
    const parts: string[] = [];
    for (const [unit, size] of units) {
        if (left >= size) {
            parts.push(`${Math.floor(left / size)} ${unit}`);
            left %= size;
        }
    }
    return parts.slice(0, 2).join(" ") || "0 s";
}

/** A number with its noun: `plural(1, "file") === "1 file"`, `plural(2000, "file") === "2,000 files"`. */
export function plural(number: number, noun: string): string {
    return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
}
