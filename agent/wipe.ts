import { rm } from "node:fs/promises";
import { join } from "node:path";
import { copyPlan, volumeMarker } from "../contract";
import type { WipePlan } from "../contract/hosts";
import { refuseStrangeVolume } from "./media/volume";
import { wipeDatabases } from "./postgres/wipe";

/**
 * Removes from a host what the stack has made there, as far as the plan wants it gone.
 *
 * @returns a sentence on what was removed
 * @throws {Refusal} when it is not the stack's
 */
export async function wipe({ plan, database, media }: WipePlan, signal: AbortSignal): Promise<string> {
    const removed = database ? await wipeDatabases(plan, signal) : "The databases stay.";
    const copies = copyPlan(plan);
    if (copies === undefined) {
        return removed;
    }
    if (!media) {
        return `${removed} The media stay.`;
    }
    const { volume } = copies.media;
    await refuseStrangeVolume(volume, plan.stack);
    await rm(join(volume, "generations"), { recursive: true, force: true });
    await rm(join(volume, volumeMarker), { force: true });
    return `${removed} The media are removed.`;
}
