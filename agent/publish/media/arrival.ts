import type { Made } from "../../media/copy";
import { type Folders, removeFolder } from "../../media/folders";
import { joined } from "../../media/join";
import { inParallel } from "../../media/lanes";
import { timeTolerance } from "../../media/prove";
import type { Spool } from "../../media/spool";
import type { Entry, FileEntry } from "../../media/tree";
import type { Difference } from "./difference";

/** What has been made beside a store, and where it is to stand. */
export interface Arrival {
    difference: Difference;
    /** What has come, each at its path. */
    made: Spool<Made>;
    incoming: Folders;
    store: Folders;
    signal: AbortSignal;
}

/**
 * Makes a store what production has: each file appears whole, under its name, in the place of the former one. What is
 * removed goes last.
 *
 * @returns how many files were removed
 */
export async function bringIn({ difference, made, incoming, store, signal }: Arrival): Promise<number> {
    const { listing, wanted, obstacles, orphans } = difference;
    let removed = difference.gone;
    for (const obstacle of obstacles) {
        await removeEntry(store, obstacle);
    }
    await inParallel(listing.folders, ({ path }) => store.in(path, () => undefined), signal);
    await inParallel(
        made,
        ({ path }) => incoming.at(path, (from) => store.at(path, (to) => store.calls.rename(from, to))),
        signal,
    );
    // What has vanished from production since it was listed goes as well, or nobody would know what it is.
    for (const { items, known } of joined<FileEntry, Made>(wanted.everyFile, [made], ({ path }) => path)) {
        await inParallel(
            only(items, ({ path }) => !known[0]?.has(path)),
            async (entry) => {
                removed += (await removeEntry(store, entry)) ? 1 : 0;
            },
            signal,
        );
    }
    await inParallel(
        only(orphans, ({ kind }) => kind !== "folder"),
        async (entry) => {
            await removeEntry(store, entry);
        },
        signal,
    );
    for (const folder of only(orphans, ({ kind }) => kind === "folder")) {
        await removeEntry(store, folder);
    }
    // What is done in a folder changes its time.
    await inParallel(
        listing.folders,
        ({ path, mtime }) =>
            store.at(path, async (full) => {
                if (Math.abs((await store.calls.lstat(full)).mtimeMs - mtime) >= timeTolerance) {
                    await store.calls.lutimes(full, mtime);
                }
            }),
        signal,
    );
    return removed;
}

/** Removes an entry with all that is in it. False if it was not there. */
async function removeEntry(store: Folders, { path, kind }: Pick<Entry, "path" | "kind">): Promise<boolean> {
    try {
        await (kind === "folder" ? removeFolder(store, path) : store.at(path, (full) => store.calls.unlink(full)));
        return true;
    } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== "ENOENT" && code !== "ENOTDIR") {
            throw error;
        }
        return false;
    }
}

function* only<T>(items: Iterable<T>, is: (item: T) => boolean): Generator<T> {
    for (const item of items) {
        if (is(item)) {
            yield item;
        }
    }
}
