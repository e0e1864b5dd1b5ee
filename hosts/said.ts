/** What commands say while they run: a file beside the order, for whoever watches; what they print, Pulumi keeps to itself. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A line of one command. */
export interface Said {
    command: string;
    line: string;
    /** Whether it is the last one, of a command that ended well. */
    last?: true;
}

const fileIn = (folder: string) => join(folder, "said.jsonl");

/** Forgets what former commands have said. */
export function silence(folder: string): void {
    writeFileSync(fileIn(folder), "", { mode: 0o600 });
}

export function say(folder: string, said: Said): void {
    appendFileSync(fileIn(folder), `${JSON.stringify(said)}\n`);
}

/** All that was said so far. */
export function heard(folder: string): Said[] {
    try {
        const lines = readFileSync(fileIn(folder), "utf8").split("\n");
        // What is being written just now comes the next time.
        return lines.slice(0, -1).map((line) => JSON.parse(line) as Said);
    } catch {
        return [];
    }
}

/** Hands over what is said from now on, until it is told to stop. */
export async function follow(folder: string, show: (said: Said) => unknown, stop: AbortSignal): Promise<void> {
    let seen = heard(folder).length;
    while (!stop.aborted) {
        const all = heard(folder);
        // The program has begun, and forgotten what was there.
        seen = Math.min(seen, all.length);
        for (const said of all.slice(seen)) {
            show(said);
        }
        seen = all.length;
        await sleep(200, undefined, { signal: stop }).catch(() => undefined);
    }
}
