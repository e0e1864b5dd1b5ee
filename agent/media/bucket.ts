import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { MediaPlan } from "../../contract";
import { storeFiles } from "../../contract/files";
import { copy, list, nameOf, type Remote, read } from "../rclone";
import { Refusal } from "../refusal";
import type { Soon } from "./after";
import type { Bring } from "./copy";
import { isUnfinished, longest } from "./edition";
import type { Folders } from "./folders";
import { inParallel } from "./lanes";
import { display, raw } from "./name";
import type { Source } from "./source";
import { Spool } from "./spool";
import { type Entry, type FileEntry, leftOut, type Objection } from "./tree";

/** Production's media in a bucket. What a bucket has no word for, empty folders, links, modes and owners, is not there. */
export function bucketSource(remote: Remote, { exclude, sentinel }: MediaPlan): Source {
    return {
        begin: async () => undefined,
        published: () => undefined,
        isOvertaken: async () => false,
        read: (each, object, signal) => readBucket(remote, { exclude, sentinel }, each, object, signal),
        manifest: async () => undefined,
        bring: fromBucket(remote),
        hasOwners: false,
        root: async () => undefined,
        close: async () => undefined,
    };
}

/** Whether the manifest of so many bytes only says that the folder is being changed. */
async function isBeingChanged(remote: Remote, bytes: number): Promise<boolean> {
    return isUnfinished((await text(read(remote, storeFiles, bytes))).trimEnd());
}

/** In the place of permissions and owner, which a bucket does not know. */
const unknownOwner = { mode: 0o644, uid: 0, gid: 0 };

/** What counts as a bucket's content, and shows that it is production's. */
type Rules = Pick<MediaPlan, "exclude" | "sentinel">;

/** Tells of what is in a bucket as of a folder. The folders themselves are kept in memory. */
async function readBucket(
    remote: Remote,
    rules: Rules,
    each: (entry: Entry) => Soon<void>,
    object: (objection: Objection) => void,
    signal: AbortSignal,
): Promise<void> {
    const files = new Spool<FileEntry>();
    try {
        const folders = await listObjects(remote, rules, files, signal);
        const mtime = Date.now();
        for (const path of [...folders].sort()) {
            await each({ path, kind: "folder", mtime, ...unknownOwner });
        }
        await inParallel(
            files,
            async (file) => {
                const reason = folders.has(file.path)
                    ? "is a file and a folder at once"
                    : objection(raw(file.path).toString());
                if (reason !== undefined) {
                    object({ path: file.path, reason });
                }
                await each(file);
            },
            signal,
        );
    } finally {
        files.close();
    }
}

/**
 * Lists a bucket's objects as files.
 *
 * @returns the folders that they are in
 * @throws {Refusal} when it cannot be read, or is not whole
 */
async function listObjects(
    remote: Remote,
    { exclude, sentinel }: Rules,
    files: Spool<FileEntry>,
    signal: AbortSignal,
): Promise<Set<string>> {
    const isLeftOut = leftOut(exclude);
    const folders = new Set<string>();
    let isThere = sentinel === undefined;
    let manifest: number | undefined;
    await list(
        remote,
        ["--recursive", "--files-only"],
        ({ Path, Size, ModTime }) => {
            const path = Buffer.from(Path).toString("latin1");
            const above = foldersAbove(path);
            isThere ||= Path === sentinel;
            manifest = path === storeFiles ? Size : manifest;
            if (Path === sentinel || path === storeFiles || [...above, path].some(isLeftOut)) {
                return;
            }
            files.add({ path, kind: "file", size: Size, disk: Size, mtime: milliseconds(ModTime), ...unknownOwner });
            for (const folder of above) {
                folders.add(folder);
            }
        },
        signal,
    ).catch((error: Error) => {
        signal.throwIfAborted();
        throw new Refusal(`The media source cannot be read: ${error.message}. Look at source.media.s3.`);
    });
    if (!isThere) {
        throw new Refusal(
            `The media source ${nameOf(remote)} does not hold ${sentinel}, which media.sentinel names: look whether ` +
                "source.media.s3 is right.",
        );
    }
    if (manifest !== undefined && manifest <= longest && (await isBeingChanged(remote, manifest))) {
        throw new Refusal(
            `The media source ${nameOf(remote)} is half of one day's and half of another's: production's side is changing ` +
                "it, or its last run did not end. Take the folder of another day, or run again when publish-media has ended " +
                "well there.",
        );
    }
    return folders;
}

function foldersAbove(path: string): string[] {
    const folders: string[] = [];
    for (let end = path.indexOf("/"); end > 0; end = path.indexOf("/", end + 1)) {
        folders.push(path.slice(0, end));
    }
    return folders;
}

/**
 * Why an object cannot become a file of the same name, if it cannot. rclone writes names that it would else change with
 * the mark `‛`, and is told names one a line.
 */
export function objection(path: string): string | undefined {
    if (/[\r\n]/.test(path)) {
        return "has a line break in its name";
    }
    const isFile = path
        .split("/")
        .every((part) => !["", ".", "..", "．", "．．"].includes(part) && !part.includes("‛"));
    return isFile ? undefined : "has a name that no file can have";
}

/** Brings files out of a bucket with one run of rclone, which checks size and hash of each by itself. */
function fromBucket(remote: Remote): Bring {
    return async (lists, target, arrived, moved, signal) => {
        const names = await writeNames(lists);
        try {
            if (names.count > 0) {
                await copy(remote, names.path, target.root, signal);
            }
        } finally {
            await rm(names.folder, { recursive: true });
        }
        const gone = new Set<string>();
        for (const files of lists) {
            await inParallel(
                files,
                async (file) => {
                    const found = await settle(target, file);
                    if (found === undefined) {
                        gone.add(file.path);
                    }
                    arrived(file, found, false);
                    moved(found?.size ?? 0);
                },
                signal,
            );
        }
        await refuseMissing(remote, gone, signal);
    };
}

/** Writes the paths of files, one a line. */
async function writeNames(lists: Iterable<FileEntry>[]): Promise<{ folder: string; path: string; count: number }> {
    const folder = await mkdtemp(join(tmpdir(), "understudy-"));
    const path = join(folder, "names");
    const file = await open(path, "w");
    let count = 0;
    let lines: Buffer[] = [];
    try {
        for (const files of lists) {
            for (const entry of files) {
                count += 1;
                lines.push(raw(`${entry.path}\n`));
                if (lines.length === 1000) {
                    await file.appendFile(Buffer.concat(lines));
                    lines = [];
                }
            }
        }
        await file.appendFile(Buffer.concat(lines));
    } finally {
        await file.close();
    }
    return { folder, path, count };
}

/**
 * Gives a copy the time that was listed, so that the next run knows it: what rclone is told of a single object is the
 * same time in whole seconds. Another time means that the object was replaced meanwhile, and its copy is of the new one.
 *
 * @returns what the copy is, or undefined if there is none
 * @throws {Error} when the copy of what was listed has another size
 */
async function settle(target: Folders, file: FileEntry): Promise<Pick<FileEntry, "size" | "mtime"> | undefined> {
    return target.at(file.path, async (path) => {
        const status = await target.calls.find(path);
        if (status === undefined) {
            return undefined;
        }
        if (Math.floor(status.mtimeMs / 1000) !== Math.floor(file.mtime / 1000)) {
            return { size: status.size, mtime: status.mtimeMs };
        }
        if (status.size !== file.size) {
            throw new Error(`The copy of ${display(file.path)} has ${status.size} bytes instead of ${file.size}.`);
        }
        await target.calls.lutimes(path, file.mtime);
        return { size: status.size, mtime: file.mtime };
    });
}

/** Files that rclone does not find it leaves out without a word: they must be gone, not just called otherwise. */
async function refuseMissing(remote: Remote, gone: Set<string>, signal: AbortSignal): Promise<void> {
    if (gone.size === 0) {
        return;
    }
    const missing: string[] = [];
    const look = (path: string) => gone.has(path) && missing.push(path);
    await list(
        remote,
        ["--recursive", "--files-only"],
        ({ Path }) => look(Buffer.from(Path).toString("latin1")),
        signal,
    );
    if (missing[0] !== undefined) {
        throw new Error(`${display(missing[0])} of the media source ${nameOf(remote)} was not copied by rclone.`);
    }
}

/** Milliseconds since 1970 of an ISO time, with as many decimals as it has. */
function milliseconds(time: string): number {
    const [, decimals = ""] = /\.(\d+)/.exec(time) ?? [];
    return Math.floor(Date.parse(time) / 1000) * 1000 + Number(decimals.padEnd(9, "0")) / 1e6;
}
