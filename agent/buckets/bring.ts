import { type BucketCopy, copyMarker } from "../../contract/buckets";
import { raw } from "../media/name";
import { transfer } from "../rclone";
import { formatBytes, plural, type Reading, type Watch } from "../report";
import { Tally, wrong } from "./difference";
import { refuseExposed } from "./exposure";
import { mostDeletions, refuseDeletions } from "./guards";
import { lookBetween, type Sight } from "./look";
import { mark } from "./marker";
import { removeUnfinished } from "./unfinished";

/** How often a target is brought into line before it counts as one that cannot be: its source may go on meanwhile. */
const most = 3;

/** What {@link bring} has to know besides. */
export interface Bringing {
    stack: string;
    parallelism: number;
    signal: AbortSignal;
    watch: Watch;
}

/**
 * Makes a target what its source is, and proves it.
 *
 * @throws {Error} when it cannot be made, or is something else in the end
 */
export async function bring(found: Sight, copy: BucketCopy, how: Bringing): Promise<void> {
    if (found.target.marker === undefined) {
        await mark(found.to, how.stack, how.signal);
        // Whoever may not list a bucket may still be let to read what is in it.
        await refuseExposed(found.to, how.signal);
    }
    await removeUnfinished(found.to, how.signal);
    let now = found;
    try {
        for (let times = 1; hasWork(now); times++) {
            const { next, rest } = await bringOnce(now, copy, how);
            release(now, found);
            now = next;
            if (rest.objects === 0) {
                return;
            }
            if (times === most) {
                throw new Error(
                    `${plural(rest.objects, "object")} of ${found.to.name} (${formatBytes(rest.bytes)}) still differ from ` +
                        `${found.from.name} after ${most} runs, ${rest.examples[0]} among them: run again when the source ` +
                        "changes less.",
                );
            }
            refuseDeletions(now.deletes.objects, now.target.objects.length, copy);
        }
    } finally {
        release(now, found);
    }
}

/** The first one is for whoever has looked. */
function release(sight: Sight, first: Sight): void {
    if (sight !== first) {
        sight.close();
    }
}

function hasWork({ adds, changes, deletes }: Sight): boolean {
    return adds.objects + changes.objects + deletes.objects > 0;
}

async function bringOnce(sight: Sight, copy: BucketCopy, how: Bringing): Promise<{ next: Sight; rest: Tally }> {
    await synchronise(sight, copy, how);
    const next = await lookBetween(sight.from, sight.to, how.signal);
    try {
        const rest = new Tally();
        for (const object of wrong(sight.source.objects, next.source.objects, next.target.objects)) {
            rest.add(object);
        }
        if (rest.objects === 0) {
            await proveContents(sight, how);
        }
        return { next, rest };
    } catch (error) {
        next.close();
        throw error;
    }
}

async function synchronise(sight: Sight, copy: BucketCopy, { parallelism, signal, watch }: Bringing): Promise<void> {
    const { from, to, target, unseen, adds, changes } = sight;
    const reading: Reading = { done: 0, unit: "byte", files: 0 };
    const of = adds.bytes + changes.bytes;
    watch(() => ({ ...reading, part: { of, through: reading.done } }));
    const follow = (line: string) => Object.assign(reading, readingOf(line));
    const options = [...common(parallelism), ...talkative];
    const mirror = [
        `--exclude=/${copyMarker}`,
        `--max-delete=${mostDeletions(target.objects.length, copy)}`,
        "--delete-after",
    ];
    await transfer("sync", from.remote, to.remote, ["--checksum", ...options, ...mirror], { signal, watch: follow });
    if (unseen.length > 0) {
        const again = ["--ignore-times", "--no-traverse", "--files-from-raw=-", ...options];
        await transfer("copy", from.remote, to.remote, again, { signal, input: lines(unseen) });
    }
}

/** Reads both sides of what has no hash: its size and its time alone prove nothing. */
async function proveContents({ from, to, unproven }: Sight, { parallelism, signal }: Bringing): Promise<void> {
    if (unproven.length > 0) {
        const options = ["--download", "--one-way", "--files-from-raw=-", `--checkers=${parallelism}`];
        await transfer("check", from.remote, to.remote, options, { signal, input: lines(unproven) });
    }
}

function common(parallelism: number): string[] {
    return [
        `--transfers=${parallelism}`,
        `--checkers=${parallelism}`,
        "--fast-list",
        // A name is the same only if its bytes are.
        "--no-unicode-normalization",
        // Types, encodings and cache times of objects belong to them.
        "--metadata",
    ];
}

/** It ends with the agent: who talks to nobody any more is ended by the system. */
const talkative = ["--use-json-log", "--stats=1s", "--stats-log-level=NOTICE"];

/** What a line of rclone's log says of how far it is. */
function readingOf(line: string): Partial<Reading> {
    try {
        const { stats } = JSON.parse(line) as { stats?: { bytes: number; transfers: number } };
        return stats === undefined ? {} : { done: stats.bytes, files: stats.transfers };
    } catch {
        return {};
    }
}

/** Paths, one a line. */
function* lines(paths: Iterable<string>): Generator<string> {
    for (const path of paths) {
        yield `${raw(path)}\n`;
    }
}
