import { hash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

/** What stands in a tree, by path. */
export type Contents = Map<string, { mode: number; rest: string }>;

/** Reads a tree; a signal to stop gets its turn meanwhile. */
export async function contentsOf(root: string, path = "", contents: Contents = new Map()): Promise<Contents> {
    for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
        await setImmediate();
        const below = join(path, entry.name);
        const { mode, mtimeMs } = lstatSync(join(root, below));
        if (entry.isDirectory()) {
            contents.set(below, { mode, rest: "a folder" });
            await contentsOf(root, below, contents);
        } else {
            contents.set(below, { mode, rest: `${mtimeMs} ${hash("sha256", readFileSync(join(root, below)))}` });
        }
    }
    return contents;
}

/**
 * Compares every name of two trees, and of files time and content, byte by byte.
 *
 * @param mode permissions that the copy's files are to have
 * @throws {Error} that names a difference, if there is any
 */
export function expectSame(copy: Contents, source: Contents, mode: number): void {
    for (const path of new Set([...source.keys(), ...copy.keys()])) {
        const [found, wanted] = [copy.get(path), source.get(path)];
        if (found?.rest !== wanted?.rest) {
            throw new Error(`${path} is ${found?.rest} in the copy, and ${wanted?.rest} in the source.`);
        }
        if (found?.rest !== "a folder" && ((found?.mode ?? 0) & 0o7777) !== mode) {
            throw new Error(`${path} has the mode ${found?.mode.toString(8)} in the copy.`);
        }
    }
}
