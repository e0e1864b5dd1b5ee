import type { CopyPlan } from "../../contract";
import { mediaGenerations, refuseIncompleteMedia, removeMediaGeneration } from "./volume";

/**
 * Removes the media generations beyond the plan's number, and unfinished ones.
 *
 * @returns their ids
 * @throws {Refusal} when the plan's generation is not complete
 */
export async function retireMedia(plan: CopyPlan, signal: AbortSignal): Promise<string[]> {
    await refuseIncompleteMedia(plan);
    const { volume, generation, keepGenerations } = plan.media;
    const others = (await mediaGenerations(volume)).filter(({ id }) => id !== generation);
    const complete = others.filter(({ completed }) => completed !== undefined);
    const unfinished = others.filter(({ completed }) => completed === undefined);
    const leaving = [...complete.slice(keepGenerations), ...unfinished];
    for (const { id } of leaving) {
        signal.throwIfAborted();
        await removeMediaGeneration(volume, id);
    }
    return leaving.map(({ id }) => id);
}
