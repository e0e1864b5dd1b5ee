import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeFiles } from "../../../contract/files";
import type { MediaPublication } from "../../../contract/publication";
import { headerOf } from "../../media/manifest";
import { mirror, uploadFile } from "../../rclone";
import { refusePublic } from "../offsite";

/** Folders of the week, from Sunday on. */
const days = ["7-Sunday", "1-Monday", "2-Tuesday", "3-Wednesday", "4-Thursday", "5-Friday", "6-Saturday"];

/** The folder of the day, in UTC. */
export function dayOf(time: Date): string {
    return days[time.getUTCDay()] as string;
}

/**
 * Makes the day's folder of a remote what the store holds; those of the other days stay as they are. While it is changed
 * its manifest says so.
 *
 * @throws {Error} when it cannot be copied, or when anybody can read what is there
 */
export async function copyMediaOffsite(
    { store, offsite }: MediaPublication,
    time: Date,
    signal: AbortSignal,
): Promise<void> {
    if (offsite === undefined) {
        return;
    }
    const day = { ...offsite, remote: `${offsite.remote}/${dayOf(time)}` };
    await refusePublic(offsite, offsite.remote, signal);
    const folder = await mkdtemp(join(tmpdir(), "understudy-"));
    try {
        const mark = join(folder, storeFiles);
        await writeFile(mark, `${headerOf({ published: time.toISOString(), unfinished: true })}\n`);
        await uploadFile(mark, day, signal);
    } finally {
        await rm(folder, { recursive: true });
    }
    await mirror(store, day, ["/.understudy.**", "/lost+found/**"], signal);
    await uploadFile(join(store, storeFiles), day, signal);
    // Whoever may not list a bucket may still be let to read what is in it.
    await refusePublic(offsite, `${day.remote}/${storeFiles}`, signal);
}
