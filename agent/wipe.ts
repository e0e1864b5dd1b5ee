import { rm } from "node:fs/promises";
import { join } from "node:path";
import { copyPlans, mediaLink, volumeMarker } from "../contract";
import type { WipePlan } from "../contract/hosts";
import { engineOf } from "./engine";
import { refuseStrangeVolume } from "./media/volume";

/**
 * Removes from a host what the stack has made there, as far as the plan wants it gone.
 *
 * @returns a sentence on what was removed
 * @throws {Refusal} when it is not the stack's
 */
export async function wipe({ plan, database, media }: WipePlan, signal: AbortSignal): Promise<string> {
    const removed = database ? await engineOf(plan).wipe(signal) : "The databases stay.";
    const copies = copyPlans(plan);
    if (copies.length === 0) {
        return removed;
    }
    if (!media) {
        return `${removed} The media stay.`;
    }
    for (const { media, stack } of copies) {
        await refuseStrangeVolume(media.volume, stack);
        for (const name of ["generations", mediaLink, volumeMarker]) {
            await rm(join(media.volume, name), { recursive: true, force: true });
        }
    }
    return `${removed} The media are removed.`;
}
