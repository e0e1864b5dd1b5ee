import { createHash } from "node:crypto";
import { once } from "node:events";
import { basename } from "node:path";
import { PassThrough } from "node:stream";
import type { BucketSidePlan, UploadsPlan } from "../../contract/buckets";
import { say } from "../attended";
import { read, write } from "../rclone";
import { formatBytes, log, plural } from "../report";
import { type Arrival, receive } from "../transfer/receive";
import { refuseExposed } from "./exposure";
import { openSide, type Side } from "./side";

/** Days of a month on which dumps are kept for longer. */
const weeklyDays = [1, 7, 14, 21, 28];

/** Where dumps go on a day, which is one of UTC's. */
export function placesOn(day: Date, { daily, weekly }: Omit<UploadsPlan, "rclone">): BucketSidePlan[] {
    return weekly !== undefined && weeklyDays.includes(day.getUTCDate()) ? [daily, weekly] : [daily];
}

/**
 * Uploads the files of a backup to the places of a day while they arrive on standard input, and reads there what has become
 * of them. They are in no file here.
 *
 * @param day today if left out
 * @returns a sentence on what was uploaded
 * @throws {Refusal} when a place is public
 * @throws {Error} when something cannot be uploaded, or is something else there
 */
export async function uploadDumps(
    plan: UploadsPlan,
    input: AsyncIterable<Buffer>,
    signal: AbortSignal,
    day = new Date(),
): Promise<string> {
    const sides: Side[] = [];
    const unknown: string[] = [];
    for (const place of placesOn(day, plan)) {
        const side = await openSide("to", place, plan.rclone);
        unknown.push(...(await refuseExposed(side, signal)));
        sides.push(side);
    }
    await say(JSON.stringify({ event: "wanted" }));
    // A run that ends otherwise must not let rclone take what has come for the whole.
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    let files = 0;
    try {
        const { bytes } = await receive(input, async (name) => {
            files += 1;
            return toAll(sides.map((side) => new Uploading(side, basename(name), both)));
        });
        const where = sides.map(({ name }) => name).join(" and ");
        const remarks = unknown.map((text) => ` Not known: ${text}.`).join("");
        return `Uploaded ${plural(files, "file")} (${formatBytes(bytes)}) to ${where} and compared them there.${remarks}`;
    } finally {
        stop.abort();
    }
}

function toAll(uploads: Uploading[]): Arrival {
    return {
        async take(bytes) {
            await Promise.all(uploads.map((upload) => upload.take(bytes)));
        },
        async end(said) {
            await Promise.all(uploads.map((upload) => upload.end(said)));
        },
    };
}

/** A file on its way to a bucket. It gets its checksum beside it when it is proven: what a killed run leaves has none. */
class Uploading implements Arrival {
    private readonly pieces = new PassThrough({ highWaterMark: 1_048_576 });
    private readonly written: Promise<void>;

    constructor(
        private readonly side: Side,
        private readonly name: string,
        private readonly signal: AbortSignal,
    ) {
        this.written = write(side.remote, name, this.pieces, signal);
        // Whoever writes next is told.
        this.written.catch(() => undefined);
    }

    async take(bytes: Buffer): Promise<void> {
        if (!this.pieces.write(bytes)) {
            await Promise.race([once(this.pieces, "drain"), this.written]);
        }
    }

    async end({ bytes, sha256 }: Parameters<Arrival["end"]>[0]): Promise<void> {
        const { side, name, signal } = this;
        this.pieces.end();
        await this.written;
        const hash = createHash("sha256");
        const remote = { ...side.remote, remote: side.remote.remote.replace(/\/$/, "") };
        for await (const piece of read(remote, name, bytes)) {
            hash.update(piece as Buffer);
        }
        if (hash.digest("hex") !== sha256) {
            throw new Error(`What has become of ${name} in ${side.name} is something else: run again.`);
        }
        await write(side.remote, `${name}.sha256`, `${sha256}  ${name}\n`, signal);
        log(`${name} (${formatBytes(bytes)}) is in ${side.name}`);
    }
}
