import { mkdtemp, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copy, list, nameOf, type Remote } from "../rclone";
import { Refusal } from "../refusal";
import type { Watch } from "../report";
import type { Bring, File } from "./copy";
import { inParallel } from "./parallel";
import { at, display, raw, type Tree } from "./tree";

/**
 * Reads what is in a bucket, all of it into memory, as of a folder. What a bucket has no word for, empty folders, links
 * and modes, is not there.
 *
 * @throws {Refusal} when it cannot be read
 */
export async function readBucket(source: Remote, watch: Watch, signal: AbortSignal): Promise<Tree> {
    const tree: Tree = { entries: [], files: 0, bytes: 0, objections: [] };
    const files: File[] = [];
    const folders = new Set<string>();
    watch(() => ({ done: files.length, unit: "file" }));
    await list(
        source,
        ["--recursive", "--files-only"],
        ({ Path, Size, ModTime }) => {
            const path = Buffer.from(Path).toString("latin1");
            files.push({ path, kind: "file", size: Size, modified: nanoseconds(ModTime) });
            for (let end = path.indexOf("/"); end > 0; end = path.indexOf("/", end + 1)) {
                folders.add(path.slice(0, end));
            }
        },
        signal,
    ).catch((error: Error) => {
        signal.throwIfAborted();
        throw new Refusal(`The media source cannot be read: ${error.message}. Look at source.media.s3.`);
    });
    for (const { path, size } of files) {
        const reason = folders.has(path) ? "is a file and a folder at once" : objection(raw(path).toString());
        if (reason !== undefined) {
            tree.objections.push({ path, reason });
        }
        tree.files += 1;
        tree.bytes += size;
    }
    const above = [...folders].sort().map((path) => ({ path, kind: "folder" as const }));
    tree.entries = [...above, ...files];
    return tree;
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
export function fromBucket(source: Remote): Bring {
    return async (files, target, arrived, signal) => {
        if (files.length > 0) {
            await copyFiles(source, files, target, signal);
        }
        const gone: File[] = [];
        await inParallel(files, async (file) => {
            const size = await settle(at(target, file.path), file);
            if (size === undefined) {
                gone.push(file);
            }
            await arrived(file, size);
        });
        await refuseMissing(source, gone, signal);
    };
}

async function copyFiles(source: Remote, files: File[], target: string, signal: AbortSignal): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "understudy-"));
    try {
        const names = join(folder, "names");
        await writeFile(names, raw(files.map(({ path }) => `${path}\n`).join("")));
        await copy(source, names, target, signal);
    } finally {
        await rm(folder, { recursive: true });
    }
}

/**
 * Gives a copy the time that was listed, so that the next run knows it: what rclone is told of a single object is the
 * same time in whole seconds. Another time means that the object was replaced meanwhile, and its copy is of the new one.
 *
 * @returns its size, or undefined if there is no copy
 * @throws {Error} when the copy of what was listed has another size
 */
async function settle(path: Buffer, { path: name, size, modified }: File): Promise<number | undefined> {
    const status = await stat(path, { bigint: true }).catch(() => undefined);
    if (status === undefined) {
        return undefined;
    }
    if (status.mtimeNs / second !== modified / second) {
        return Number(status.size);
    }
    if (Number(status.size) !== size) {
        throw new Error(`The copy of ${display(name)} has ${status.size} bytes instead of ${size}.`);
    }
    const seconds = Number(modified) / 1e9;
    await utimes(path, seconds, seconds);
    return size;
}

/** Files that rclone does not find it leaves out without a word: they must be gone, not just called otherwise. */
async function refuseMissing(source: Remote, gone: File[], signal: AbortSignal): Promise<void> {
    if (gone.length === 0) {
        return;
    }
    const left = new Set((await readBucket(source, () => undefined, signal)).entries.map(({ path }) => path));
    const missing = gone.find(({ path }) => left.has(path));
    if (missing !== undefined) {
        throw new Error(`${display(missing.path)} of the media source ${nameOf(source)} was not copied by rclone.`);
    }
}

const second = 1_000_000_000n;

/** Nanoseconds since 1970 of an ISO time, with as many decimals as it has. */
function nanoseconds(time: string): bigint {
    const [, decimals = ""] = /\.(\d+)/.exec(time) ?? [];
    return (BigInt(Date.parse(time)) / 1000n) * second + BigInt(decimals.padEnd(9, "0"));
}
