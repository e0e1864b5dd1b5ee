import { createHash } from "node:crypto";

/** What every random choice is made of. `UNDERSTUDY_SEED` repeats those of another run, which has printed it. */
export const seed = Number(process.env.UNDERSTUDY_SEED ?? 4711);

/** A share from 0 up to 1: the same one for the same seed and words, whatever else was chosen before. */
export function share(...words: string[]): number {
    const hash = createHash("sha256").update(JSON.stringify([seed, ...words]));
    return hash.digest().readUInt32BE() / 2 ** 32;
}

/** A whole number from `least` up to, and not including, `end`. */
export function whole(least: number, end: number, ...words: string[]): number {
    return least + Math.floor(share(...words) * (end - least));
}

/** One of these. */
export function oneOf<T>(all: readonly T[], ...words: string[]): T {
    const found = all[whole(0, all.length, ...words)];
    if (found === undefined) {
        throw new Error("There is nothing to choose from.");
    }
    return found;
}
