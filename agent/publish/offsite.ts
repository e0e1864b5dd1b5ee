import { join } from "node:path";
import { catalogueFile } from "../../contract/manifest";
import type { Publication } from "../../contract/publication";
import { isPublic, nameOf, type Remote, upload, uploadFile } from "../rclone";

/**
 * Copies the store to another place. What is there stays: a store that was emptied, or has rotted, takes nothing along.
 *
 * @throws {Error} when it cannot be copied, or when anybody can read what is there
 */
export async function copyOffsite({ store, offsite }: Publication, signal: AbortSignal): Promise<void> {
    if (offsite === undefined) {
        return;
    }
    await refusePublic(offsite, offsite.remote, signal);
    await upload(store, offsite, signal);
    const catalogue = join(store, catalogueFile);
    await uploadFile(catalogue, offsite, signal);
    // Whoever may not list a bucket may still be let to read what is in it.
    await refusePublic(offsite, `${offsite.remote}/${catalogueFile}`, signal);
}

/**
 * Refuses a remote, or a file of it, that can be read without credentials.
 *
 * @throws {Error}
 */
export async function refusePublic(offsite: Remote, remote: string, signal: AbortSignal): Promise<void> {
    if (await isPublic({ ...offsite, remote }, signal)) {
        throw new Error(
            `${nameOf({ remote })} can be read by anybody: make the bucket private before anything goes there.`,
        );
    }
}
