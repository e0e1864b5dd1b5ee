import { createHash } from "node:crypto";
import {
    existsSync,
    lstatSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    readlinkSync,
    renameSync,
    rmSync,
    statSync,
    utimesSync,
} from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { withLock } from "./lock";

/** The folder for everything that is made once and used again; outside the checkout. */
export const cache: string = resolve(
    process.env.UNDERSTUDY_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "understudy"),
);

const day = 24 * 3600 * 1000;

/**
 * The folder that `make` has filled for this name and key, made now unless it was before. `make` works in a folder beside
 * it, which counts only once it is complete; other processes that want the same wait for it.
 *
 * @param name what is made, as a file name.
 * @param key a hash of all that it is made from, see {@link hashOf}: another key makes another folder. Folders with
 *   former keys go after a day without use.
 */
export async function once(name: string, key: string, make: (folder: string) => Promise<void>): Promise<string> {
    const complete = join(cache, "built", `${name}-${key}`);
    if (existsSync(complete)) {
        markUsed(complete);
        return complete;
    }
    return withLock(join(cache, "locks", `build-${name}`), async () => {
        if (!existsSync(complete)) {
            const partial = `${complete}.partial`;
            rmSync(partial, { recursive: true, force: true });
            mkdirSync(partial, { recursive: true });
            try {
                await make(partial);
                renameSync(partial, complete);
            } catch (error) {
                rmSync(partial, { recursive: true, force: true });
                throw error;
            }
            removeUnused(name, complete);
        }
        return complete;
    });
}

/** A short hash of values that JSON can express: the key for {@link once}. */
export function hashOf(...values: unknown[]): string {
    return createHash("sha256").update(JSON.stringify(values)).digest("hex").slice(0, 16);
}

/** A hash of a file, or of a folder with all that is in it: names, modes, links and contents. */
export function hashOfPath(path: string): string {
    const entry = lstatSync(path);
    if (entry.isSymbolicLink()) {
        return hashOf("link", readlinkSync(path));
    }
    if (entry.isDirectory()) {
        const names = readdirSync(path).sort();
        return hashOf(
            "folder",
            names.map((name) => [name, hashOfPath(join(path, name))]),
        );
    }
    return hashOf("file", entry.mode & 0o777, createHash("sha256").update(readFileSync(path)).digest("hex"));
}

function markUsed(folder: string): void {
    const now = new Date();
    utimesSync(folder, now, now);
}

function removeUnused(name: string, keep: string): void {
    for (const entry of readdirSync(join(cache, "built"))) {
        const folder = join(cache, "built", entry);
        const isSibling =
            entry.startsWith(`${name}-`) && /^[0-9a-f]{16}(\.partial)?$/.test(entry.slice(name.length + 1));
        if (isSibling && folder !== keep && Date.now() - statSync(folder).mtimeMs > day) {
            rmSync(folder, { recursive: true, force: true });
        }
    }
}
