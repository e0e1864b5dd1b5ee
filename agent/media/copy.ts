import type { MediaPlan } from "../../contract";
import type { Watch } from "../report";
import { after, type Soon, unless } from "./after";
import { Buffers } from "./buffers";
import type { Calls } from "./calls";
import { type Copier, copyFile } from "./file";
import type { Folders } from "./folders";
import { inParallel } from "./lanes";
import type { Listing, Twin } from "./listing";
import { raw } from "./name";
import { Spool } from "./spool";
import { spread } from "./spread";
import type { Entry, FileEntry } from "./tree";

/** What stands in a copy, and how it came there: with bytes of its own, or sharing the former generation's. */
export type Made = Entry & { how: "copied" | "linked" | "cloned" };

/** What was made of a tree. */
export interface Copied {
    /** Every entry of the copy. */
    made: Spool<Made>;
    files: number;
    bytes: number;
    /** Files that are one with the former generation's. */
    linked: number;
    /** Files that share their blocks with the former generation's, or with production's. */
    cloned: number;
    /** Files that were removed at the source meanwhile. */
    vanished: number;
}

/** Arguments of {@link copyTree}. */
export interface CopyArgs {
    listing: Listing;
    /** Where the files come from. */
    bring: Bring;
    target: Folders;
    /** Former generation whose unchanged files are shared. */
    former?: Folders | undefined;
    sharing: MediaPlan["sharing"];
    watch: Watch;
    signal: AbortSignal;
}

/** A file that has arrived, with what it was when it did; `undefined` of one that was removed at the source meanwhile. */
export type Arrival = (file: FileEntry, arrived: Partial<FileEntry> | undefined, cloned: boolean) => void;

/**
 * Brings files into a tree, and tells of each one as soon as it is there.
 *
 * @param moved told of bytes as they arrive
 */
export type Bring = (
    files: Iterable<FileEntry>[],
    target: Folders,
    arrived: Arrival,
    moved: (bytes: number) => void,
    signal: AbortSignal,
) => Promise<void>;

/** The application's group may add, replace and delete in folders. */
export const folderMode = 0o2775;

/** Permissions of a copy: a file that another generation shares is not to be edited. What was a program stays one. */
export function fileMode(mode: number, sharing: MediaPlan["sharing"]): number {
    return (sharing === "link" ? 0o644 : 0o664) | (mode & 0o111);
}

/** Makes a folder of a copy that belongs to a group. */
export function makeFolder(group: number) {
    return async (path: Buffer, calls: Calls): Promise<void> => {
        await calls.mkdir(path, 0o775);
        await own(path, calls, group, folderMode);
    };
}

/** In the place of a user's id: he is to stay who he is. */
export const unchanged = -1;

/** Gives what was made its group and permissions, and its user if there is to be another, where it does not have them. */
export async function own(path: Buffer, calls: Calls, group: number, mode: number, user = unchanged): Promise<void> {
    const { uid, gid, mode: found } = await calls.lstat(path);
    const isTheirs = gid === group && (user === unchanged || uid === user);
    if (!isTheirs) {
        await calls.chown(path, user, group);
    }
    // A change of the owner takes the set-group-id bit away.
    if (!isTheirs || (found & 0o7777) !== mode) {
        await calls.chmod(path, mode);
    }
}

/**
 * Copies a tree; what is unchanged is shared with the former generation's.
 *
 * @throws {Error} when a file cannot be copied, or does not stop changing
 */
export async function copyTree(args: CopyArgs): Promise<Copied> {
    const { listing, bring, target, former, sharing, watch, signal } = args;
    const copied: Copied = { made: new Spool(), files: 0, bytes: 0, linked: 0, cloned: 0, vanished: 0 };
    const { made } = copied;
    let through = 0;
    watch(() => ({ done: through, unit: "byte", files: copied.files, part: { of: listing.bytes, through } }));

    const each = <T>(items: Iterable<T>, work: (item: T) => Soon<void>) =>
        inParallel(items, work, signal, { width: target.width });
    await each(listing.folders, (folder) =>
        target.in(folder.path, () => {
            made.add({ ...folder, how: "copied" });
        }),
    );
    await bring(listing.fresh, target, arrived, moved, signal);
    if (former !== undefined) {
        const same = spread(listing.same, () => !target.calls.near);
        await withRest((rest) => each(same, (file) => share(file, former, rest)));
    }
    await withRest((rest) => each(listing.twins, (twin) => linkTwin(twin, rest)));
    await each(listing.links, async (link) => {
        await target.at(link.path, async (path) => {
            await target.calls.symlink(raw(link.target), path);
            await target.calls.lutimes(path, link.mtime);
        });
        made.add({ ...link, how: "copied" });
    });
    // What is made in a folder changes its time.
    await each(listing.folders, ({ path, mtime }) => target.at(path, (full) => target.calls.lutimes(full, mtime)));
    return copied;

    /** Brings in the end what could not be shared. */
    async function withRest(work: (rest: Spool<FileEntry>) => Promise<void>): Promise<void> {
        const rest = new Spool<FileEntry>();
        try {
            await work(rest);
            await bring([rest], target, arrived, moved, signal);
        } finally {
            rest.close();
        }
    }

    function share(file: FileEntry, origin: Folders, rest: Spool<FileEntry>): Soon<void> {
        const isShared = origin.at(file.path, (from) =>
            target.at(file.path, (to) => (sharing === "link" ? linkTo(from, to) : cloneTo(from, to, file.mtime))),
        );
        return after(isShared, (done) => {
            if (done) {
                count(file, sharing === "link" ? "linked" : "cloned");
                moved(file.size);
            } else {
                rest.add(file);
            }
        });
    }

    function linkTo(from: Buffer, to: Buffer): Soon<boolean> {
        return succeeds(() => target.calls.link(from, to));
    }

    async function cloneTo(from: Buffer, to: Buffer, mtime: number): Promise<boolean> {
        const isCloned = await succeeds(() => target.calls.clone(from, to));
        if (isCloned) {
            await target.calls.lutimes(to, mtime);
        }
        return isCloned;
    }

    async function linkTwin({ first, ...file }: Twin, rest: Spool<FileEntry>): Promise<void> {
        const { calls } = target;
        const status = await target.at(first, (from) =>
            target.at(file.path, async (to) => {
                const isLinked = await linkTo(from, to);
                return isLinked ? calls.lstat(to) : undefined;
            }),
        );
        if (status === undefined) {
            rest.add(file);
        } else {
            count({ ...file, size: status.size, mtime: status.mtimeMs }, "copied");
            moved(status.size);
        }
    }

    function arrived(file: FileEntry, changes: Partial<FileEntry> | undefined, cloned: boolean) {
        if (changes === undefined) {
            copied.vanished += 1;
        } else {
            count({ ...file, ...changes }, cloned ? "cloned" : "copied");
        }
    }

    function moved(bytes: number) {
        through += bytes;
    }

    function count(file: FileEntry, how: Made["how"]) {
        made.add({ ...file, how });
        copied.files += 1;
        copied.bytes += file.size;
        copied.linked += how === "linked" ? 1 : 0;
        copied.cloned += how === "cloned" ? 1 : 0;
    }
}

/** Whether it could be done; there is another way. */
function succeeds(work: () => Soon<void>): Soon<boolean> {
    return unless(
        () => after(work(), () => true),
        () => false,
    );
}

/** Brings files out of a folder, each again if it changes meanwhile. */
export function fromFolder(from: Folders, sharing: MediaPlan["sharing"]): Bring {
    return async (lists, to, arrived, moved, signal) => {
        const copier: Copier = { from, to, buffers: new Buffers(), cloning: true, moved, signal };
        for (const files of lists) {
            await inParallel(
                spread(files, () => !to.calls.near),
                async (file, wide) => {
                    const found = await copyFile(file.path, fileMode(file.mode, sharing), copier, wide);
                    arrived(file, found && { size: found.size, mtime: found.mtime }, found?.cloned === true);
                },
                signal,
                { weigh: ({ size }) => 1 + size / 262_144, width: to.width },
            );
        }
    };
}
