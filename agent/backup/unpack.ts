import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Packing } from "./packing";
import { DumpError } from "./piece";
import { outputOf } from "./program";
import { wholeTar } from "./tar";

/** More memory than any of xz's own levels takes; a file may ask for as much as it likes. */
const xzMemory = "--memlimit-decompress=128MiB";

/**
 * The SQL that is packed in a stream. It ends well only if the stream was whole, as far as its packing tells. An archive
 * in a stream cannot be sought: pg_restore turns it into SQL in the order in which it was written.
 *
 * @throws {ProgramError} when the program that unpacks it fails
 * @throws {DumpError} when something follows the end of the gzip stream, or the tar file was cut
 */
export function unpacked(
    input: AsyncIterable<Buffer>,
    packing: Exclude<Packing, "directory">,
    signal?: AbortSignal,
): AsyncIterable<Buffer> {
    const options = { input, ...(signal && { signal }) };
    switch (packing) {
        case "none":
            return input;
        case "gzip":
            return gunzipped(input);
        case "xz":
            return outputOf("xz", ["--decompress", "--stdout", xzMemory], options);
        case "zstd":
            return outputOf("zstd", ["--decompress", "--stdout", "--quiet"], options);
        case "bzip2":
            return outputOf("bzip2", ["--decompress", "--stdout", "--quiet"], options);
        case "custom":
            return outputOf("pg_restore", ["--format=custom", "--file=-"], options);
        case "tar":
            return outputOf("pg_restore", ["--format=tar", "--file=-"], { ...options, input: wholeTar(input) });
    }
}

async function* gunzipped(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const gunzip = createGunzip({ chunkSize: 262_144 });
    let read = 0;
    async function* counted() {
        for await (const chunk of input) {
            read += chunk.length;
            yield chunk;
        }
    }
    // What goes wrong with the input ends the loop below as well.
    pipeline(counted, gunzip, () => undefined);
    yield* gunzip;
    if (gunzip.bytesWritten !== read) {
        throw new DumpError("goes on after the end of the gzip stream: something was appended to the file");
    }
}
