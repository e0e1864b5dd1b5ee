import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** SHA-256 of a file of the file system. */
export function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
    return sha256In(createReadStream(path, { highWaterMark: 1_048_576 }), signal);
}

/** SHA-256 of all that a stream brings. */
export async function sha256In(bytes: Readable, signal?: AbortSignal): Promise<string> {
    const hash = createHash("sha256");
    await pipeline(bytes, hash, { ...(signal && { signal }) });
    return hash.digest("hex");
}
