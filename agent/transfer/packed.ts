import { PassThrough, type Writable } from "node:stream";

/**
 * What something writes, for whoever reads it. If it fails, its reason comes where the end would have been.
 *
 * @param write begins to write; it has ended when its promise has
 */
export async function* packed(write: (into: Writable) => Promise<void>): AsyncGenerator<Buffer> {
    const output = new PassThrough({ highWaterMark: 1_048_576 });
    const ended = write(output);
    // It is told to whoever reads; until then it must not end the process.
    ended.catch((error: Error) => output.destroy(error));
    for await (const piece of output as AsyncIterable<Buffer>) {
        yield piece;
    }
    await ended;
}
