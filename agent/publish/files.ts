import { copyFile, link, mkdir, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** What stands under this name in front is being written, or was when a run ended; the next run removes it. */
export const partial = ".partial-";

/** Name under which something is written. */
export function partialOf(path: string): string {
    return join(dirname(path), `${partial}${basename(path)}`);
}

/** Paths of all files below a folder, or the empty path if it is a file itself. */
export async function filesBelow(path: string): Promise<string[]> {
    if (!(await stat(path)).isDirectory()) {
        return [""];
    }
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return files.map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1)).sort();
}

/** Writes a file as a whole or not at all. */
export async function writeWhole(path: string, text: string): Promise<void> {
    const file = partialOf(path);
    await writeFile(file, text);
    await sync(file);
    await rename(file, path);
    await sync(dirname(path));
}

/** Makes sure that a file's bytes, or a folder's names, outlive a crash of the machine. */
export async function sync(path: string): Promise<void> {
    const handle = await open(path);
    try {
        await handle.sync();
    } finally {
        await handle.close();
    }
}

/** The same for a file, or for everything below a folder. */
export async function syncAll(path: string): Promise<void> {
    const files = await filesBelow(path);
    const folders = files.map((file) => dirname(join(path, file)));
    for (const one of new Set([...files.map((file) => join(path, file)), ...folders])) {
        await sync(one);
    }
}

/** Makes a file or folder appear a second time: linked, or copied where the file system knows no links. */
export async function linkWhole(from: string, to: string): Promise<void> {
    const aside = partialOf(to);
    await rm(aside, { recursive: true, force: true });
    for (const file of await filesBelow(from)) {
        await mkdir(dirname(join(aside, file)), { recursive: true });
        await linkOrCopy(join(from, file), join(aside, file));
    }
    await syncAll(aside);
    await rename(aside, to);
    await sync(dirname(to));
}

async function linkOrCopy(from: string, to: string): Promise<void> {
    try {
        await link(from, to);
    } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (!["EMLINK", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EPERM", "EXDEV"].includes(code ?? "")) {
            throw error;
        }
        await copyFile(from, to);
    }
}

/** Takes a file or folder out of sight at once, and then removes it. */
export async function removeWhole(path: string): Promise<void> {
    const aside = partialOf(path);
    await rm(aside, { recursive: true, force: true });
    await rename(path, aside).catch(({ code, message }: NodeJS.ErrnoException) => {
        if (code !== "ENOENT") {
            throw new Error(`${path} cannot be removed (${message}).`);
        }
    });
    await rm(aside, { recursive: true, force: true });
}
