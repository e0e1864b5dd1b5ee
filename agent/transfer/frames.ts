/**
 * Files on a pipe, so that whoever reads knows the whole from a part: each file is named, its bytes come in pieces, then
 * their number and SHA-256; a last word ends them all. A frame is four bytes with its length, a byte with its kind, and its
 * content.
 */
import { createHash } from "node:crypto";
import { type Word, word } from "../../contract/hosts";

/** A file that is to be sent. */
export interface SentFile {
    name: string;
    bytes: AsyncIterable<Buffer> | Iterable<Buffer>;
}

/** Kinds of frame. */
const kinds = { word: 1, bytes: 2 } as const;

/** No piece is longer; a longer one is none of ours. */
const longest = 16 * 2 ** 20;

const head = 5;

/** The frames of files, and of the last word, which is asked for when all of them are sent. */
export async function* framesOf(
    files: AsyncIterable<SentFile>,
    last: () => Extract<Word, { word: "done" }>,
): AsyncGenerator<Buffer> {
    for await (const { name, bytes } of files) {
        yield spoken({ word: "file", name });
        const hash = createHash("sha256");
        let count = 0;
        for await (const piece of bytes) {
            for (let at = 0; at < piece.length; at += longest) {
                const part = piece.subarray(at, at + longest);
                hash.update(part);
                count += part.length;
                yield headOf(kinds.bytes, part.length);
                yield part;
            }
        }
        yield spoken({ word: "end", bytes: count, sha256: hash.digest("hex") });
    }
    yield spoken(last());
}

/** The frame of a word. */
export function spoken(said: object): Buffer {
    const text = Buffer.from(JSON.stringify(said));
    return Buffer.concat([headOf(kinds.word, text.length), text]);
}

/** The frame of a piece that is no longer than it may be. */
export function framed(piece: Buffer): Buffer {
    return Buffer.concat([headOf(kinds.bytes, piece.length), piece]);
}

function headOf(kind: number, length: number): Buffer {
    const buffer = Buffer.alloc(head);
    buffer.writeUInt32BE(length);
    buffer[4] = kind;
    return buffer;
}

/** A word, or bytes of the file that was named last. */
export type Frame = Word | Buffer;

/**
 * The frames in a pipe's bytes.
 *
 * @throws {Error} when they end before the last word, or are none
 */
export async function* framesIn(chunks: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
    for await (const frame of piecesIn(chunks)) {
        const said = Buffer.isBuffer(frame) ? frame : word.parse(frame.said);
        yield said;
        if (!Buffer.isBuffer(said) && said.word === "done") {
            return;
        }
    }
    throw new Error("The connection ended in the middle of the backup.");
}

/**
 * The pieces in a pipe's bytes, and what was said between them, until these end.
 *
 * @throws {Error} when they are no frames
 */
export async function* piecesIn(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer | { said: unknown }> {
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of chunks) {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        for (;;) {
            const length = rest.length < head ? Number.POSITIVE_INFINITY : rest.readUInt32BE();
            if (length > longest && length !== Number.POSITIVE_INFINITY) {
                throw new Error("What arrives is none of ours: something else has written to the connection.");
            }
            if (rest.length < head + length) {
                break;
            }
            const content = rest.subarray(head, head + length);
            const piece = rest[4] === kinds.bytes ? content : { said: JSON.parse(content.toString()) as unknown };
            rest = rest.subarray(head + length);
            yield piece;
        }
    }
}
