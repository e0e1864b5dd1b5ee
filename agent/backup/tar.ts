import { DumpError } from "./piece";

/** A tar file is made of blocks of this many bytes; each member has one for its name and size, and one of zeros ends it all. */
export const tarBlock = 512;

/**
 * Passes on a tar file, and makes sure that it reaches its end: pg_restore reads a cut one for ever.
 *
 * @throws {DumpError} at the end of one that was cut
 */
export async function* wholeTar(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    /** Bytes of the member that are still to come. */
    let left = 0;
    let header = Buffer.alloc(0);
    let ended = false;
    for await (const chunk of input) {
        for (let at = 0; at < chunk.length && !ended; ) {
            const skipped = Math.min(left, chunk.length - at);
            left -= skipped;
            at += skipped;
            if (left === 0) {
                const part = chunk.subarray(at, at + tarBlock - header.length);
                header = Buffer.concat([header, part]);
                at += part.length;
                if (header.length === tarBlock) {
                    ended = header.every((byte) => byte === 0);
                    left = Math.ceil(sizeIn(header) / tarBlock) * tarBlock;
                    header = Buffer.alloc(0);
                }
            }
        }
        yield chunk;
    }
    if (!ended) {
        throw new DumpError("ends in the middle: the tar file was cut");
    }
}

/** Size of a member: octal digits, or a number in bytes where that is too short. */
function sizeIn(header: Buffer): number {
    const field = header.subarray(124, 136);
    const binary = ((field[0] ?? 0) & 0x80) !== 0;
    return binary ? field.readUIntBE(6, 6) : Number.parseInt(field.toString("latin1"), 8) || 0;
}
