/** What production's side has done to its store of media: for a preview, which cannot mount it. */
import * as z from "zod";
import { entriesIn } from "./manifest";

const count = z.number().int().min(0);

/** What one run has made of the store. */
export const mediaEdition = z.strictObject({
    /** ISO time, as the store's manifest has it. */
    published: z.iso.datetime(),
    /** What the store has held from then on. */
    files: count,
    bytes: count,
    /** Files that have come or changed since the edition before, and those that have gone. */
    brought: count,
    removed: count,
});
export type MediaEdition = z.infer<typeof mediaEdition>;

/** Key of the catalogue's ConfigMap under which they stand, the newest first, one JSON object a line. */
export const editionsFile = "media.jsonl";

/** How many are told: as many nights. */
export const editionsKept = 60;

/** The editions that a text tells of; none if it is not as this version writes it, because nothing is decided by them. */
export function editionsIn(text: string): MediaEdition[] {
    try {
        return entriesIn(editionsFile, text, mediaEdition);
    } catch {
        return [];
    }
}
