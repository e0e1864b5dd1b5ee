import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { Buffers } from "./buffers";
import type { Folders } from "./folders";

/** SHA-256 of files below the root of a tree, of which many may be under way. */
export class Hashes {
    private readonly buffers = new Buffers();

    constructor(private readonly signal: AbortSignal) {}

    /** Not through a link: it could lead anywhere. */
    async of(tree: Folders, path: string, size: number): Promise<string> {
        const { calls } = tree;
        const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
        return tree.at(path, async (full) => {
            const file = await calls.open(full, flags);
            const buffer = await this.buffers.take(Buffers.lengthFor(size));
            try {
                const hash = createHash("sha256");
                for (let position = 0; ; ) {
                    this.signal.throwIfAborted();
                    const length = await calls.read(file, buffer, buffer.length, position);
                    if (length === 0) {
                        return hash.digest("hex");
                    }
                    hash.update(buffer.subarray(0, length));
                    position += length;
                }
            } finally {
                this.buffers.give(buffer);
                await calls.close(file);
            }
        });
    }
}
