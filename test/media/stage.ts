/** The folders of the test that runs, new ones for each, and what is done with them. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { prepareMedia } from "../../agent/media/generation";
import { Refusal } from "../../agent/refusal";
import { generationFolder, type MediaPlan } from "../../contract";
import { digest, makePlaces, never, type Places, planFor } from "./places";

export let places: Places;
export let source: string;
export let volume: string;

/** Ids of generations. */
export const [first, second] = ["00000000aa", "00000000bb"] as const;

/** Gives every test of a file folders of its own. */
export function eachInPlaces(): void {
    beforeEach(() => {
        places = makePlaces();
        ({ source, volume } = places);
    });
    // Node does not remove what is deeper than the system takes paths.
    afterEach(() => execFileSync("rm", ["-rf", places.folder]));
}

/** A path in a generation. */
export const at = (id: string, path = "") => join(volume, generationFolder(id), path);

/** Makes a generation. */
export function prepare(
    generation: string,
    change?: (media: MediaPlan) => void,
    signal: AbortSignal = never,
): Promise<string> {
    return prepareMedia(planFor(places, generation, change), signal);
}

/** The run is refused, and neither source nor volume has changed. */
export async function expectRefusal(
    generation: string,
    reason: string | RegExp,
    change?: (media: MediaPlan) => void,
): Promise<void> {
    const before = [digest(source), digest(volume)];
    const refusal = await prepare(generation, change).then(
        () => undefined,
        (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(Refusal);
    expect((refusal as Refusal).message).toMatch(reason);
    expect([digest(source), digest(volume)]).toEqual(before);
}
