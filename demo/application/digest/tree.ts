import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import path from "node:path";

/**
 * The number of entries below a folder, and a digest of their names, modes, owners, times and contents.
 *
 * @returns for example `9112 5d41402a…`
 */
export async function treeDigest(folder: string): Promise<string> {
    const entries = (await readdir(folder, { recursive: true })).sort();
    const hash = createHash("sha256");
    for (const entry of ["", ...entries]) {
        const file = path.join(folder, entry);
        const stats = await lstat(file);
        const { mode, uid, gid, mtimeMs } = stats;
        hash.update(`${JSON.stringify([entry, mode, uid, gid, mtimeMs, await contentDigest(file, stats)])}\n`);
    }
    return `${entries.length} ${hash.digest("hex")}`;
}

async function contentDigest(file: string, stats: Stats): Promise<string> {
    if (stats.isSymbolicLink()) return readlink(file);
    if (!stats.isFile()) return "";
    return createHash("sha256")
        .update(await readFile(file))
        .digest("hex");
}
