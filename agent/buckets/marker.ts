import { text } from "node:stream/consumers";
import * as z from "zod";
import { type BucketCopy, copyMarker } from "../../contract/buckets";
import { read, write } from "../rclone";
import { Refusal } from "../refusal";
import { plural } from "../report";
import type { Listing } from "./listing";
import type { Side } from "./side";

const schema = z.object({ stack: z.string() });

/** Bytes of the longest marker that is read. */
const longest = 4096;

/**
 * Refuses a target that is not this stack's copy: no production carries the marker that every copy does. A place without
 * any object becomes one.
 *
 * @throws {Refusal}
 */
export async function refuseForeign(
    side: Side,
    { objects, marker }: Listing,
    stack: string,
    { adopt }: BucketCopy,
): Promise<void> {
    if (marker === undefined) {
        if (objects.length > 0 && !adopt) {
            throw new Refusal(
                `The target ${side.name} holds ${plural(objects.length, "object")} and no ${copyMarker}, which every copy ` +
                    "carries: look whether source and target are swapped, and if it is a copy that another tool has made, " +
                    "write adopt: true.",
            );
        }
        return;
    }
    const owner = await ownerOf(side, marker);
    if (owner !== stack) {
        throw new Refusal(
            owner === undefined
                ? `The target ${side.name} holds a ${copyMarker} that says nothing: remove it if the copy is this stack's.`
                : `The target ${side.name} is the copy of stack ${owner}: name a place for this one alone.`,
        );
    }
}

async function ownerOf({ remote }: Side, bytes: number): Promise<string | undefined> {
    if (bytes > longest) {
        return undefined;
    }
    const content = await text(read({ ...remote, remote: remote.remote.replace(/\/$/, "") }, copyMarker, bytes));
    try {
        return schema.parse(JSON.parse(content)).stack;
    } catch {
        return undefined;
    }
}

/** Marks a place as a stack's copy. */
export async function mark({ remote }: Side, stack: string, signal: AbortSignal): Promise<void> {
    await write(remote, copyMarker, JSON.stringify({ stack }), signal);
}
