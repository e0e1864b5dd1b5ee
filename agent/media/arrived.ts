import type { Stats } from "node:fs";

/** What became of a file. */
export interface Arrived {
    size: number;
    /** Milliseconds since 1970. */
    mtime: number;
    /** Whether it shares its blocks. */
    cloned: boolean;
}

/** Whether a file was left alone between two looks at it. */
export function isSame(before: Stats, now: Stats): boolean {
    return now.mtimeMs === before.mtimeMs && now.ctimeMs === before.ctimeMs && now.size === before.size;
}
