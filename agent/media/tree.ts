import type { Stats } from "node:fs";
import picomatch from "picomatch";
import { after, type Soon, unless } from "./after";
import type { Folders } from "./folders";
import { Lanes } from "./lanes";
import { below, display, raw } from "./name";
import { Spool } from "./spool";

/** What stands at one place of a tree. */
interface Place {
    path: string;
    /** The permissions, with what else there is in such a number. */
    mode: number;
    uid: number;
    gid: number;
    /** Milliseconds since 1970. */
    mtime: number;
}
export interface FolderEntry extends Place {
    kind: "folder";
}
export interface LinkEntry extends Place {
    kind: "link";
    /** What it leads to. */
    target: string;
}
export interface FileEntry extends Place {
    kind: "file";
    size: number;
    /** Bytes that it takes on the disk: fewer than its size if it has holes. */
    disk: number;
    /** As exactly as a number can tell it; absent where the store knows none. */
    ino?: number;
    /** Device and inode, of a file that has several names. */
    inode?: string;
}
export type Entry = FolderEntry | FileEntry | LinkEntry;

/** What may not be copied, and why. */
export interface Objection {
    path: string;
    reason: string;
}

/** What is to be known of a tree to read it. */
export interface TreeRules {
    /** Globs of what is left out. */
    exclude: string[];
    /** Whether links may lead out of the tree. */
    links: "refuse" | "keep";
    /** A folder that must not be within it, as `<device>:<inode>`. */
    forbidden?: string;
    /** Files of the tree's own that are nobody's data, by path. */
    apart: string[];
}

/** Folder at the root of a file system that is not anybody's data. */
const lostAndFound = "lost+found";

/**
 * Reads a whole tree, of which only what is under way is kept in memory. A folder comes before what is in it.
 *
 * @param each told of every entry; the walk goes on meanwhile
 * @param object told of what may not be copied
 */
export async function readTree(
    tree: Folders,
    { exclude, links, forbidden, apart }: TreeRules,
    each: (entry: Entry) => Soon<void>,
    object: (objection: Objection) => void,
    signal: AbortSignal,
): Promise<void> {
    const isLeftOut = leftOut(exclude);
    const strangers = new Set([lostAndFound, ...apart]);
    const entries = new Lanes(signal, tree.width);
    await throughFolders(
        async (folder, found) => {
            await unless(() => tree.in(folder, (place) => readFolder(folder, place, found)), ofFolder(folder));
        },
        entries,
        tree,
        signal,
    );

    async function readFolder(folder: string, place: string, found: (folder: string) => void): Promise<void> {
        for await (const some of tree.calls.list(raw(place))) {
            for (const { name } of some) {
                const path = below(folder, name);
                if (!strangers.has(path) && !isLeftOut(path)) {
                    const started = entries.start(() => readEntry(path, found));
                    if (started instanceof Promise) {
                        await started;
                    }
                }
            }
        }
    }

    function readEntry(path: string, found: (folder: string) => void): Soon<void> {
        const entry = unless(
            () => tree.at(path, (full) => after(tree.calls.lstat(full), (status) => entryOf(path, full, status))),
            ofEntry(path),
        );
        return after(entry, (known) =>
            after(known && each(known), () => {
                if (known?.kind === "folder") {
                    found(path);
                }
            }),
        );
    }

    function entryOf(path: string, full: Buffer, status: Stats): Soon<Entry | undefined> {
        const isPlain = status.isFile() && status.nlink === 1 && (status.mode & 0o004) !== 0;
        return isPlain ? fileOf(placeOf(path, status), status) : look(path, full, status);
    }

    async function look(path: string, full: Buffer, status: Stats): Promise<Entry | undefined> {
        const { calls } = tree;
        const place = placeOf(path, status);
        if (status.isDirectory()) {
            if (forbidden !== undefined && (await calls.identity(full)) === forbidden) {
                object({ path, reason: "is the replica's own volume" });
            }
            return { ...place, kind: "folder" };
        }
        if (status.isFile()) {
            // Only where the mode leaves a doubt: asking costs another way there and back.
            if ((status.mode & 0o004) === 0) {
                await calls.access(full);
            }
            const file = fileOf(place, status);
            return status.nlink > 1 ? { ...file, inode: await calls.identity(full) } : file;
        }
        if (status.isSymbolicLink()) {
            const target = await calls.readlink(full);
            if (links === "refuse" && !staysWithin(path, target)) {
                object({ path, reason: `is a link that leads out of the tree (${display(target)})` });
            }
            return { ...place, kind: "link", target };
        }
        object({ path, reason: `is ${specialKind(status)}` });
        return undefined;
    }

    /** Notes what cannot be read; what production removes meanwhile is no longer part of the tree. */
    function ofEntry(path: string) {
        return (error: NodeJS.ErrnoException): undefined => {
            if (error.code === undefined || signal.aborted) {
                throw error;
            }
            if (error.code !== "ENOENT") {
                object({ path, reason: `cannot be read (${error.code})` });
            }
        };
    }

    function ofFolder(path: string) {
        return (error: NodeJS.ErrnoException) => {
            if (error.code === "ENOTDIR" || error.code === "ELOOP") {
                object({ path, reason: "was a folder, and became something else while it was read" });
            } else if (path === "" && error.code === "ENOENT") {
                object({ path, reason: "is no longer there" });
            } else {
                ofEntry(path)(error);
            }
        };
    }
}

/** What is known of a place by looking at it. */
export function placeOf(path: string, { mode, uid, gid, mtimeMs }: Stats): Place {
    return { path, mode: mode & 0o7777, uid, gid, mtime: mtimeMs };
}

function fileOf(place: Place, status: Stats): FileEntry {
    return { ...place, kind: "file", size: status.size, disk: onDisk(status), ino: status.ino };
}

/** How many names there are below a tree's root. */
export async function countNames(tree: Folders, signal: AbortSignal): Promise<number> {
    let count = 0;
    await throughFolders(
        (folder, found) =>
            tree.in(folder, async (place) => {
                for await (const entries of tree.calls.list(raw(place))) {
                    count += entries.length;
                    for (const entry of entries.filter((one) => one.isDirectory())) {
                        found(below(folder, entry.name));
                    }
                }
            }),
        new Lanes(signal),
        tree,
        signal,
    );
    return count;
}

/**
 * Visits a tree's root and every folder that is found, several at once.
 *
 * @param visit told of a folder; tells of those that it finds
 * @param pending work that is still going to find some
 */
async function throughFolders(
    visit: (folder: string, found: (folder: string) => void) => Soon<void>,
    pending: Lanes,
    { width }: Folders,
    signal: AbortSignal,
): Promise<void> {
    const visits = new Lanes(signal, width);
    const queue = new Spool<string>();
    queue.add("");
    const waiting = queue[Symbol.iterator]();
    try {
        for (;;) {
            const { value, done } = waiting.next();
            if (done !== true) {
                await visits.start(() => visit(value, (folder) => queue.add(folder)));
            } else if (!((await visits.another()) || (await pending.another()))) {
                break;
            }
        }
    } finally {
        await Promise.allSettled([visits.end(), pending.end()]);
        queue.close();
    }
    await pending.end();
    await visits.end();
}

/** Whether a path is matched by one of the globs; below a folder that is, nothing is looked at. */
export function leftOut(globs: string[]): (path: string) => boolean {
    if (globs.length === 0) {
        return () => false;
    }
    const matches = picomatch(globs, { dot: true });
    return (path) => matches(raw(path).toString());
}

/**
 * Whether a link surely leads to somewhere within the tree. Going up is only allowed at the beginning of its target,
 * where it starts from a real folder: after another link it would lead anywhere.
 */
export function staysWithin(path: string, target: string): boolean {
    const parts = target.split("/").filter((part) => part !== "" && part !== ".");
    const up = parts.findIndex((part) => part !== "..");
    const ups = up < 0 ? parts.length : up;
    const depth = path.split("/").length - 1;
    return !target.startsWith("/") && ups <= depth && !parts.slice(ups).includes("..");
}

/** Bytes that a file takes, or its size if that is less. */
export function onDisk({ blocks, size }: Stats): number {
    return Math.min(blocks * 512, size);
}

function specialKind(status: Stats): string {
    if (status.isFIFO()) {
        return "a named pipe";
    }
    return status.isSocket() ? "a socket" : "a device";
}
