import { copyMarker } from "../../contract/buckets";
import { Spool } from "../media/spool";
import { list } from "../rclone";
import type { Side } from "./side";

/** An object as its server lists it. */
export interface Found {
    /** Below the side's prefix; bytes as characters, see `agent/media/name.ts`. */
    path: string;
    size: number;
    /** Hash of the content; absent of objects that came in several parts and brought none along. */
    md5?: string;
    /** When the server got it, in milliseconds since 1970. */
    time: number;
}

/** What a side holds. */
export interface Listing {
    objects: Spool<Found>;
    bytes: number;
    /** Bytes of the marker that a copy carries; absent where there is none. */
    marker?: number;
}

/**
 * Lists a side.
 *
 * @throws {RcloneError} when it cannot be listed
 */
export async function listSide({ remote }: Side, signal: AbortSignal): Promise<Listing> {
    const listing: Listing = { objects: new Spool<Found>(), bytes: 0 };
    const options = ["--recursive", "--files-only", "--fast-list", "--hash", "--hash-type=md5"];
    try {
        await list<Hashed>(
            remote,
            options,
            ({ Path, Size, ModTime, Hashes }) => {
                if (Path === copyMarker) {
                    listing.marker = Size;
                    return;
                }
                listing.bytes += Size;
                listing.objects.add({
                    path: Buffer.from(Path).toString("latin1"),
                    size: Size,
                    ...(Hashes?.md5 && { md5: Hashes.md5 }),
                    time: Date.parse(ModTime),
                });
            },
            signal,
        );
        return listing;
    } catch (error) {
        listing.objects.close();
        throw error;
    }
}

/** What rclone adds to an entry when it is asked for hashes. */
interface Hashed {
    Hashes?: { md5?: string };
}
