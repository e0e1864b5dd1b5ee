import { type BigIntStats, constants, type Dirent } from "node:fs";
import { access, lstat, readdir, readlink } from "node:fs/promises";
import type { Watch } from "../report";
import { inParallel } from "./parallel";

/** What stands at one place of a tree. */
export type Entry = { path: string } & (
    | { kind: "folder" }
    | { kind: "file"; size: number /** Nanoseconds since 1970. */; modified: bigint }
    | { kind: "link"; target: string }
);

/** A tree as it was read: folders before what is in them. */
export interface Tree {
    entries: Entry[];
    files: number;
    bytes: number;
    /** What may not be copied, each with its reason. */
    objections: { path: string; reason: string }[];
}

/** Folder at the root of a file system that is not anybody's data. */
const lostAndFound = "lost+found";

/**
 * Reads a whole tree. Names are bytes, so they are kept as text in Latin-1, one character a byte: see {@link raw} and
 * {@link display}.
 *
 * @param root folder to read
 * @param forbidden a folder that must not be within it, as `<device>:<inode>`
 */
export async function readTree(root: string, watch: Watch, signal: AbortSignal, forbidden?: string): Promise<Tree> {
    const tree: Tree = { entries: [], files: 0, bytes: 0, objections: [] };
    watch(() => ({ done: tree.files, unit: "file" }));
    const base = Buffer.from(root).toString("latin1");
    let folders = [""];
    while (folders.length > 0) {
        const below: string[] = [];
        await inParallel(folders, async (folder) => {
            signal.throwIfAborted();
            for (const name of await namesIn(base, folder, tree)) {
                if (folder === "" && name === lostAndFound) {
                    continue;
                }
                const path = folder === "" ? name : `${folder}/${name}`;
                const entry = await readEntry(base, path, tree, forbidden);
                if (entry !== undefined) {
                    tree.entries.push(entry);
                }
                if (entry?.kind === "folder") {
                    below.push(path);
                } else if (entry?.kind === "file") {
                    tree.files += 1;
                    tree.bytes += entry.size;
                }
            }
        });
        folders = below;
    }
    return tree;
}

/** A path as the file system wants it. */
export function raw(path: string): Buffer {
    return Buffer.from(path, "latin1");
}

/** A path of a tree below a folder, as the file system wants it. */
export function at(root: string, path: string): Buffer {
    return raw(`${Buffer.from(root).toString("latin1")}/${path}`);
}

/** A path for people: unprintable characters escaped. */
export function display(path: string): string {
    return JSON.stringify(raw(path).toString());
}

async function namesIn(base: string, folder: string, tree: Tree): Promise<string[]> {
    try {
        const options = { withFileTypes: true, encoding: "buffer" } as const;
        const found: Dirent<Buffer>[] = await readdir(raw(`${base}/${folder}`), options);
        return found.map(({ name }) => name.toString("latin1"));
    } catch (error) {
        object(tree, folder, error);
        return [];
    }
}

async function readEntry(base: string, path: string, tree: Tree, forbidden?: string): Promise<Entry | undefined> {
    const full = raw(`${base}/${path}`);
    try {
        const status = await lstat(full, { bigint: true });
        if (status.isFile()) {
            await access(full, constants.R_OK);
            return { path, kind: "file", size: Number(status.size), modified: status.mtimeNs };
        }
        if (status.isDirectory()) {
            if (`${status.dev}:${status.ino}` === forbidden) {
                tree.objections.push({ path, reason: "is the replica's own volume" });
            }
            return { path, kind: "folder" };
        }
        if (status.isSymbolicLink()) {
            const target = (await readlink(full, "buffer")).toString("latin1");
            if (!staysWithin(path, target)) {
                tree.objections.push({ path, reason: `is a link that leads out of the tree (${display(target)})` });
            }
            return { path, kind: "link", target };
        }
        tree.objections.push({ path, reason: `is ${specialKind(status)}` });
    } catch (error) {
        object(tree, path, error);
    }
    return undefined;
}

/** Notes what cannot be read; what production removes meanwhile is no longer part of the tree. */
function object(tree: Tree, path: string, error: unknown): void {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" || path === "") {
        tree.objections.push({ path, reason: `cannot be read (${code})` });
    }
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

function specialKind(status: BigIntStats): string {
    if (status.isFIFO()) {
        return "a named pipe";
    }
    return status.isSocket() ? "a socket" : "a device";
}
