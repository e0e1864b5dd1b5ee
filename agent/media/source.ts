import type { MediaPlan } from "../../contract";
import { storeApart, storeFiles } from "../../contract/files";
import { Refusal } from "../refusal";
import type { Soon } from "./after";
import { bucketSource } from "./bucket";
import { type Bring, fromFolder } from "./copy";
import { editionOf, wholeEdition } from "./edition";
import { Folders } from "./folders";
import { type Known, readManifest } from "./manifest";
import { identityOf } from "./place";
import type { Spool } from "./spool";
import { type Entry, type Objection, readTree } from "./tree";

/** Where production keeps its media: a folder, or a bucket. */
export interface Source {
    /**
     * Waits until production's side is not changing it.
     *
     * @param patience seconds
     * @throws {Refusal} when that takes longer
     */
    begin(patience: number, signal: AbortSignal): Promise<void>;
    /** Whether production's side has changed it since then. */
    isOvertaken(): Promise<boolean>;
    /**
     * Tells of everything in it, and of what may not be copied.
     *
     * @throws {Refusal} when it cannot be read
     */
    read(
        each: (entry: Entry) => Soon<void>,
        object: (objection: Objection) => void,
        signal: AbortSignal,
    ): Promise<void>;
    /**
     * What its file manifest knows.
     *
     * @returns undefined if it has none
     * @throws {Refusal} when it cannot be read
     */
    manifest(): Promise<Spool<Known> | undefined>;
    bring: Bring;
    close(): Promise<void>;
}

/** Production's media as the plan names it. */
export function sourceOf(media: MediaPlan): Source {
    return typeof media.source === "string" ? folderSource(media.source, media) : bucketSource(media.source, media);
}

function folderSource(root: string, { volume, exclude, links, sentinel, sharing }: MediaPlan): Source {
    const tree = new Folders(root);
    const rules = { exclude, links, apart: sentinel === undefined ? storeApart : [...storeApart, sentinel] };
    let begun: { edition: string | undefined } | undefined;
    return {
        async begin(patience, signal) {
            begun = { edition: await wholeEdition(tree, patience, signal) };
        },
        isOvertaken: async () => begun !== undefined && (await editionOf(tree)) !== begun.edition,
        async read(each, object, signal) {
            await readTree(tree, { ...rules, forbidden: await identityOf(volume) }, each, object, signal);
        },
        async manifest() {
            return readManifest(tree, storeFiles).catch((error: Error) => {
                throw new Refusal(
                    `The file manifest ${storeFiles} of the media source ${root} cannot be used (${error.message}): let ` +
                        "production's side write it again, or remove it.",
                );
            });
        },
        bring: fromFolder(tree, sharing),
        close: () => tree.close(),
    };
}
