import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { finished } from "node:stream/promises";
import type { Word } from "../../contract/hosts";
import { formatBytes, log } from "../report";
import { framesIn } from "./frames";

/** What has arrived. */
export interface Received {
    stamp: string;
    /** What production's server calls itself, if it was asked. */
    identifier?: string;
    bytes: number;
}

/** Where a file that arrives goes. */
export interface Arrival {
    take(bytes: Buffer): Promise<void>;
    /** @throws {Error} when what has come is not what was said of it */
    end(said: Extract<Word, { word: "end" }>): Promise<void>;
}

/**
 * Hands on the files that arrive, one after the other.
 *
 * @param begin is told the name of each
 * @throws {Error} when they do not arrive whole; what has come is the caller's to remove
 */
export async function receive(
    chunks: AsyncIterable<Buffer>,
    begin: (name: string) => Promise<Arrival>,
): Promise<Received> {
    let file: Arrival | undefined;
    let bytes = 0;
    for await (const frame of framesIn(chunks)) {
        if (Buffer.isBuffer(frame)) {
            await file?.take(frame);
        } else if (frame.word === "file") {
            file = await begin(frame.name);
        } else if (frame.word === "end") {
            await file?.end(frame);
            bytes += frame.bytes;
        } else {
            const { stamp, identifier } = frame;
            log(`${formatBytes(bytes)} arrived`);
            return { stamp, bytes, ...(identifier !== undefined && { identifier }) };
        }
    }
    throw new Error("The connection ended in the middle of the backup.");
}

/** Writes files below a folder, where nobody else can read them. */
export function into(folder: string): (name: string) => Promise<Arrival> {
    return (name) => Arriving.begin(folder, name);
}

/** A file that is written. */
class Arriving implements Arrival {
    private readonly hash = createHash("sha256");
    private readonly stream;

    private constructor(
        private readonly name: string,
        path: string,
    ) {
        this.stream = createWriteStream(path, { flags: "wx", mode: 0o600 });
        // Whoever writes next is told.
        this.stream.on("error", () => undefined);
    }

    static async begin(folder: string, name: string): Promise<Arriving> {
        if (normalize(name) !== name || name.startsWith("/") || name.split("/").includes("..")) {
            throw new Error(`What arrives has a name that leads elsewhere (${JSON.stringify(name)}).`);
        }
        const path = join(folder, name);
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        return new Arriving(name, path);
    }

    async take(bytes: Buffer): Promise<void> {
        this.hash.update(bytes);
        if (this.stream.errored) {
            throw this.stream.errored;
        }
        if (!this.stream.write(bytes)) {
            await once(this.stream, "drain");
        }
    }

    async end({ bytes, sha256 }: Extract<Word, { word: "end" }>): Promise<void> {
        this.stream.end();
        await finished(this.stream);
        if (this.stream.bytesWritten !== bytes || this.hash.digest("hex") !== sha256) {
            throw new Error(`The file ${this.name} has changed on its way: run again.`);
        }
    }
}
