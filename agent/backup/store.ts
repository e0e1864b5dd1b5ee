import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Origin } from "../../contract";
import { list, nameOf, type Remote, read } from "../rclone";
import { Refusal } from "../refusal";

/** A file, by its name below where it was found. */
export interface NamedFile {
    name: string;
    bytes: number;
}

/** A file as it is listed. */
export interface StoredFile extends NamedFile {
    /** When it was last written, or uploaded into a bucket, in milliseconds since 1970. */
    written: number;
}

/** What stands in a store's folder `hourly`. */
export interface Stored extends NamedFile {
    isFile: boolean;
    /** When a file was last written. */
    written?: number;
    /** The files in a folder, whose bytes are the folder's. */
    files?: StoredFile[];
}

/** Where production's schedule puts its dumps. */
export interface Store {
    /** The folder with the dumps, for people. */
    folder: string;
    /** Whether that folder is one of the file system, so that its files can be sought. */
    mounted: boolean;
    /**
     * Everything in that folder.
     *
     * @throws {Refusal} when it is not there, or cannot be read
     */
    list(): Promise<Stored[]>;
    /** Opens a file of it. The stream ends with an error if the file cannot be read to its end. */
    open(file: NamedFile): Readable;
    /** Whether something is not as it was when it was listed. What is gone has not changed: whoever reads it tells. */
    changed(before: Stored): Promise<boolean>;
}

/** The store that a plan names. */
export function openStore(backups: Origin): Store {
    return typeof backups === "string" ? mounted(backups) : remote(backups);
}

function mounted(store: string): Store {
    const folder = join(store, "hourly");
    return {
        folder,
        mounted: true,
        async list() {
            const names = await namesIn(store, folder);
            const all = names.map((name) => {
                return look(folder, name).catch(({ code }: NodeJS.ErrnoException) => {
                    // Production removes old backups at any time.
                    if (code !== "ENOENT") {
                        throw unreadable(folder, code);
                    }
                });
            });
            return (await Promise.all(all)).filter((one) => one !== undefined);
        },
        open: ({ name }) => createReadStream(join(folder, name), { highWaterMark: 1_048_576 }),
        async changed(before) {
            const now = await look(folder, before.name).catch(() => undefined);
            return now !== undefined && stateOf(now) !== stateOf(before);
        },
    };
}

async function look(folder: string, name: string): Promise<Stored> {
    const path = join(folder, name);
    const status = await stat(path);
    if (!status.isDirectory()) {
        return { name, bytes: status.size, written: status.mtimeMs, isFile: status.isFile() };
    }
    const files = (await readdir(path)).map(async (file) => {
        const { size, mtimeMs } = await stat(join(path, file));
        return { name: file, bytes: size, written: mtimeMs };
    });
    return folderOf(name, await Promise.all(files));
}

function folderOf(name: string, files: StoredFile[]): Stored {
    return { name, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), isFile: false, files };
}

/** The sizes and times of a file, or of a folder's files. */
function stateOf({ files, ...own }: Stored): string {
    const all = (files ?? [own]).map(({ name, bytes, written }) => [name, bytes, written]);
    return JSON.stringify(all.toSorted());
}

async function namesIn(store: string, folder: string): Promise<string[]> {
    try {
        return await readdir(folder);
    } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code !== "ENOENT") {
            throw unreadable(folder, code);
        }
    }
    const above = await readdir(store).catch(() => undefined);
    if (above === undefined) {
        throw new Refusal(`The backup store ${store} is not there: mount the folder that production's dumps go to.`);
    }
    const seen = above.length === 0 ? "it is empty" : `it holds ${above.sort().slice(0, 3).join(", ")}`;
    throw new Refusal(
        `The backup store ${store} has no folder hourly (${seen}): mount the folder that production's dumps go to.`,
    );
}

function unreadable(folder: string, code: string | undefined): Refusal {
    return new Refusal(`The store's folder ${folder} cannot be read (${code}): let the agent's user read it.`);
}

function remote(backups: Remote): Store {
    const hourly = { ...backups, remote: `${backups.remote}/hourly` };
    return {
        folder: nameOf(hourly),
        mounted: false,
        async list() {
            const found = await objectsIn(hourly, 2).catch((error: Error) => {
                throw new Refusal(`The backup store cannot be read: ${error.message}. Look at source.database.s3.`);
            });
            const files: Stored[] = [];
            const folders = new Map<string, StoredFile[]>();
            for (const object of found) {
                const [first = "", name] = object.name.split("/");
                if (name === undefined) {
                    files.push({ ...object, isFile: true });
                } else {
                    const folder = folders.get(first) ?? [];
                    folder.push({ ...object, name });
                    folders.set(first, folder);
                }
            }
            return [...files, ...[...folders].map(([name, held]) => folderOf(name, held))];
        },
        open: ({ name, bytes }) => read(hourly, name, bytes),
        async changed(before) {
            // An object is replaced as a whole: a request goes on with the one that it has found.
            if (before.isFile) {
                return false;
            }
            const now = await objectsIn({ ...hourly, remote: `${hourly.remote}/${before.name}` }, 1);
            return now.length > 0 && stateOf(folderOf(before.name, now)) !== stateOf(before);
        },
    };
}

/** The objects below a remote, this many folders deep. */
async function objectsIn(remote: Remote, depth: number): Promise<StoredFile[]> {
    const found: StoredFile[] = [];
    await list(remote, ["--recursive", "--files-only", `--max-depth=${depth}`], ({ Path, Size, ModTime }) => {
        found.push({ name: Path, bytes: Math.max(0, Size), written: Date.parse(ModTime) });
    });
    return found;
}
