import type { AgentEvent, Progress } from "../contract/event";

/** How a run tells what it does: sentences, phases with their duration and progress, figures that people can read. */

/** Milliseconds between two words about a phase. */
const interval = 2_000;

let words: NodeJS.WritableStream = process.stdout;

/** Where lines go from now on: standard output, unless that is for something else. */
export function logTo(stream: NodeJS.WritableStream): void {
    words = stream;
}

/** One line for people. */
export function log(text: string): void {
    words.write(`${text}\n`);
}

/** One line for programs, among those for people. */
export function tell(event: AgentEvent): void {
    log(JSON.stringify(event));
}

/** What whoever does the work has counted so far. */
export interface Reading extends Pick<Progress, "done" | "unit" | "files"> {
    /** Bytes that were worked through, and all that there are; absent where nobody knows. */
    part?: { of: number; through: number };
}

/** Tells a phase where to read how far it is. */
export type Watch = (read: () => Reading) => void;

/** The phases of a run, in their order, with the seconds that each took. */
export class Phases {
    readonly finished: { name: string; seconds: number }[] = [];
    private readonly started = performance.now();

    /** Runs a phase, tells every two seconds how far it is, and records how long it took, also when it fails. */
    async run<T>(phase: string, work: (watch: Watch) => Promise<T>): Promise<T> {
        const start = performance.now();
        let timer: NodeJS.Timeout | undefined;
        const watch: Watch = (read) => {
            timer = setInterval(() => tell(progressOf(phase, read(), secondsSince(start))), interval);
        };
        tell({ event: "begun", phase });
        try {
            return await work(watch);
        } finally {
            clearInterval(timer);
            const seconds = secondsSince(start);
            this.finished.push({ name: phase, seconds });
            tell({ event: "ended", phase, seconds });
        }
    }

    /** Seconds since the run began. */
    get total(): number {
        return secondsSince(this.started);
    }
}

/** How far a phase is after so many seconds. */
export function progressOf(phase: string, { done, unit, files, part }: Reading, seconds: number): Progress {
    const rate = Math.round(done / seconds);
    if (part === undefined || part.of === 0) {
        return { event: "progress", phase, done, rate, unit, ...(files !== undefined && { files }) };
    }
    const share = Math.min(part.through / part.of, 1);
    // All is read, and the server may still work on it: nobody knows how long.
    const known = share > 0 && share < 1;
    return {
        event: "progress",
        phase,
        percent: Math.floor(100 * share),
        done,
        rate,
        unit,
        ...(files !== undefined && { files }),
        ...(known && { left: Math.round((seconds * (1 - share)) / share) }),
    };
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
