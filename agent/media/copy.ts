import { constants } from "node:fs";
import { chmod, chown, copyFile, link, lstat, mkdir, open, rm, stat, symlink, utimes } from "node:fs/promises";
import type { Watch } from "../report";
import { inParallel } from "./parallel";
import { at, display, type Entry, raw, type Tree } from "./tree";

/** What was made of a tree. */
export interface Copied {
    files: number;
    bytes: number;
    /** Files shared with the former generation. */
    linked: number;
    /** Files that were removed at the source meanwhile. */
    vanished: number;
}

/** Arguments of {@link copyTree}. */
export interface CopyArgs {
    tree: Tree;
    /** Where the files come from. */
    bring: Bring;
    /** Folder to fill; it is there and empty. */
    target: string;
    /** Former generation whose unchanged files are shared. */
    former?: string;
    /** Group of everything that is made. */
    group: number;
    watch: Watch;
    signal: AbortSignal;
}

/** A file of a tree. */
export type File = Extract<Entry, { kind: "file" }>;

/**
 * Brings files into a folder, and tells of each one as soon as it is there: its size, or undefined if it was removed at
 * the source meanwhile.
 */
export type Bring = (
    files: File[],
    target: string,
    arrived: (file: File, size: number | undefined) => Promise<void>,
    signal: AbortSignal,
) => Promise<void>;

/** How often a file that changes while it is copied is copied again. */
const attempts = 5;

/** Nanoseconds by which a copied time may differ: Node sets times as floating-point seconds, cut to microseconds. */
const timeTolerance = 2000n;

/** The application's group may add, replace and delete in folders, but not edit a file, which another generation shares. */
const folderMode = 0o2775;
const fileMode = 0o644;

/**
 * Copies a tree; unchanged files are linked to the former generation's.
 *
 * @throws {Error} when a file cannot be copied, or does not stop changing
 */
export async function copyTree({ tree, bring, target, former, group, watch, signal }: CopyArgs): Promise<Copied> {
    const copied: Copied = { files: 0, bytes: 0, linked: 0, vanished: 0 };
    watch(() => ({ done: copied.bytes, unit: "byte", part: { of: tree.bytes, through: copied.bytes } }));
    const user = process.getuid?.() ?? 0;
    const fresh: File[] = [];

    await own(raw(target), folderMode);
    for (const { kind, path } of tree.entries) {
        if (kind === "folder") {
            await mkdir(at(target, path));
            await own(at(target, path), folderMode);
        }
    }
    await inParallel(tree.entries, async (entry) => {
        signal.throwIfAborted();
        if (entry.kind === "link") {
            await symlink(raw(entry.target), at(target, entry.path));
        } else if (entry.kind === "file" && !(await share(entry))) {
            fresh.push(entry);
        }
    });
    await bring(fresh, target, arrived, signal);
    return copied;

    async function own(path: Buffer, mode: number) {
        const status = await stat(path);
        if (status.gid !== group) {
            await chown(path, user, group);
        }
        if ((status.mode & 0o7777) !== mode) {
            await chmod(path, mode);
        }
    }

    /** Links a file to the former generation's, if it is unchanged. */
    async function share(file: File): Promise<boolean> {
        if (former === undefined || !(await isUnchanged(at(former, file.path), file, user))) {
            return false;
        }
        const shared = await link(at(former, file.path), at(target, file.path)).then(
            () => true,
            () => false,
        );
        if (shared) {
            count(file.size, true);
        }
        return shared;
    }

    async function arrived({ path }: File, size: number | undefined) {
        if (size === undefined) {
            copied.vanished += 1;
            return;
        }
        await own(at(target, path), fileMode);
        count(size, false);
    }

    function count(size: number, linked: boolean) {
        copied.files += 1;
        copied.bytes += size;
        copied.linked += linked ? 1 : 0;
    }
}

/** Brings files out of a folder, each again if it changes meanwhile. */
export function fromFolder(source: string): Bring {
    return (files, target, arrived, signal) =>
        inParallel(files, async (file) => {
            signal.throwIfAborted();
            await arrived(file, await copyOne(at(source, file.path), at(target, file.path), file.path));
        });
}

/** Whether a former copy is of the same file, and still the agent's own: what the application has put there is not. */
async function isUnchanged(former: Buffer, { size, modified }: File, user: number): Promise<boolean> {
    const status = await lstat(former, { bigint: true }).catch(() => undefined);
    if (status === undefined || !status.isFile() || Number(status.uid) !== user || Number(status.size) !== size) {
        return false;
    }
    const difference = status.mtimeNs - modified;
    return difference < timeTolerance && difference > -timeTolerance;
}

/**
 * Copies one file, again if it changed meanwhile.
 *
 * @returns its size, or undefined if it is no longer there
 */
async function copyOne(from: Buffer, to: Buffer, path: string): Promise<number | undefined> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
        // Not through a link that has taken the file's place: it could lead anywhere.
        const file = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
            (error: NodeJS.ErrnoException) => {
                if (error.code === "ENOENT") {
                    return undefined;
                }
                throw error;
            },
        );
        if (file === undefined) {
            await rm(to, { force: true });
            return undefined;
        }
        try {
            const before = await file.stat({ bigint: true });
            if (!before.isFile()) {
                throw new Error(`${display(path)} of the media source became something else while it was copied.`);
            }
            await copyFile(`/proc/self/fd/${file.fd}`, to, constants.COPYFILE_FICLONE);
            const [after, copy] = await Promise.all([file.stat({ bigint: true }), stat(to, { bigint: true })]);
            if (after.mtimeNs === before.mtimeNs && after.size === before.size && copy.size === before.size) {
                const seconds = Number(before.mtimeNs) / 1e9;
                await utimes(to, seconds, seconds);
                return Number(copy.size);
            }
        } finally {
            await file.close();
        }
    }
    throw new Error(
        `${display(path)} of the media source changed each of the ${attempts} times it was copied: ` +
            "run again when it is quieter.",
    );
}
