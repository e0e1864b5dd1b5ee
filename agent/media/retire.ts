import type { MediaCopy } from "../../contract";
import { withVolume } from "./lease";
import { type MediaGeneration, mediaGenerations, refuseIncompleteMedia, removeMediaGeneration } from "./volume";

/** What became of the media generations that are to go, by their ids. */
export interface RetiredMedia {
    removed: string[];
    /** Those whose files have production's owners, which this run may not remove. */
    kept: string[];
}

/**
 * Removes the media generations beyond the plan's number, and unfinished ones.
 *
 * @throws {Refusal} when the plan's generation is not complete
 */
export async function retireMedia(plan: MediaCopy, signal: AbortSignal): Promise<RetiredMedia> {
    await refuseIncompleteMedia(plan);
    const { volume, generation } = plan.media;
    return withVolume(volume, `retire ${generation}`, signal, (lease) => retireAlone(plan, lease.signal));
}

async function retireAlone({ media }: MediaCopy, signal: AbortSignal): Promise<RetiredMedia> {
    const { volume, generation, keepGenerations } = media;
    const others = (await mediaGenerations(volume)).filter(({ id }) => id !== generation);
    const complete = others.filter(({ completed }) => completed !== undefined);
    const unfinished = others.filter(({ completed }) => completed === undefined);
    const leaving = [...complete.slice(keepGenerations), ...unfinished];
    const isForeign = ({ report }: MediaGeneration) => report?.ownersKept === true && process.getuid?.() !== 0;
    const removed = leaving.filter((generation) => !isForeign(generation)).map(({ id }) => id);
    for (const id of removed) {
        signal.throwIfAborted();
        await removeMediaGeneration(volume, id);
    }
    return { removed, kept: leaving.filter(isForeign).map(({ id }) => id) };
}

/** What a last word has to add: empty if all that were to go are gone. */
export function describeKept({ kept }: RetiredMedia): string {
    return kept.length === 0
        ? ""
        : ` Kept because only a run with media.owners: production may remove files with production's owners: media ${kept.join(", ")}.`;
}
