import { constants } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type FilesHeader, filesHeader, storeFiles } from "../../contract/files";
import { Refusal } from "../refusal";
import type { Folders } from "./folders";

/** Bytes that the first line of a manifest has at most. */
export const longest = 1024;

/**
 * Which edition of production's media stands in a store: the first line of its file manifest, which every change of the
 * store changes. By opening the file: that alone makes a far file system look again.
 *
 * @returns undefined if there is no manifest
 */
export async function editionOf(tree: Folders): Promise<string | undefined> {
    return tree.at(storeFiles, async (path) => {
        if ((await tree.calls.find(path)) === undefined) {
            return undefined;
        }
        const file = await tree.calls.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        try {
            const buffer = Buffer.alloc(longest);
            const length = await tree.calls.read(file, buffer, longest, 0);
            return buffer.toString("latin1", 0, length).split("\n")[0];
        } finally {
            await tree.calls.close(file);
        }
    });
}

/** What an edition says of itself; undefined if it says nothing that can be understood. */
export function headerIn(edition: string | undefined): FilesHeader | undefined {
    try {
        return filesHeader.parse(JSON.parse(edition ?? ""));
    } catch {
        return undefined;
    }
}

/** Whether production's side is changing the store, or was when its run ended. */
export function isUnfinished(edition: string | undefined): boolean {
    return headerIn(edition)?.unfinished === true;
}

/**
 * Waits until production's side has a store whole.
 *
 * @param patience seconds
 * @throws {Refusal} when that takes longer
 */
export async function wholeEdition(tree: Folders, patience: number, signal: AbortSignal): Promise<string | undefined> {
    const deadline = Date.now() + patience * 1000;
    for (;;) {
        const edition = await editionOf(tree);
        if (!isUnfinished(edition)) {
            return edition;
        }
        if (Date.now() >= deadline) {
            throw new Refusal(
                `The media source ${tree.root} is half of one day's and half of another's: production's side is changing ` +
                    "it, or its last run did not end. Run again when publish-media has ended well there.",
            );
        }
        await sleep(Math.min(1000, patience * 1000), undefined, { signal });
    }
}
