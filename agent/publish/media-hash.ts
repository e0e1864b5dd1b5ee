import { constants, createReadStream } from "node:fs";
import { sha256In } from "../backup/hash";
import type { Folders } from "../media/folders";

/** Bytes of a file that are in memory at once; many files are read side by side. */
const piece = 262_144;

/** SHA-256 of a file below a tree's root. */
export async function hashIn(tree: Folders, path: string, signal: AbortSignal): Promise<string> {
    return tree.at(path, async (full) => {
        const file = await tree.calls.open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        return sha256In(createReadStream("", { fd: file, highWaterMark: piece }), signal);
    });
}
