import { opendir } from "node:fs/promises";
import { join } from "node:path";
import type { SharedMediaPlan } from "../../contract";
import { Refusal } from "../refusal";
import { plural } from "../report";
import { refuseFew, refuseMissingSource } from "./guards";

/**
 * Looks whether production's own files are really there, which the application reads in the place of a copy.
 *
 * @returns a sentence on what is there
 * @throws {Refusal} when they are not
 */
export async function lookAtShared(media: SharedMediaPlan, signal: AbortSignal): Promise<string> {
    const { source, sentinel, minimumFiles } = media;
    await refuseMissingSource(source, sentinel);
    const files = await countFiles(source, minimumFiles, signal);
    refuseFew(files, media);
    return `Production's media are there, ${plural(files, "file")} or more: they are read where they are, and not copied.`;
}

/** How many files there are; no more than are wanted are looked for, as there can be any number. */
async function countFiles(root: string, wanted: number, signal: AbortSignal): Promise<number> {
    let count = 0;
    const folders = [root];
    for (let folder = folders.pop(); folder !== undefined && count < wanted; folder = folders.pop()) {
        signal.throwIfAborted();
        const entries = await opendir(folder).catch((error: NodeJS.ErrnoException) => {
            throw new Refusal(
                `The folder ${folder} of the media source cannot be read (${error.code}): let group and others read it.`,
            );
        });
        for await (const entry of entries) {
            if (entry.isDirectory() && entry.name !== "lost+found") {
                folders.push(join(folder, entry.name));
            }
            count += entry.isFile() ? 1 : 0;
            if (count === wanted) {
                break;
            }
        }
    }
    return count;
}
