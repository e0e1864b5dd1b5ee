import { copyFile, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { volumeMarker } from "../../../contract";
import { editionsIn, editionsKept, type MediaEdition } from "../../../contract/editions";
import { listedFile, listedName, nameListed, storeFiles, storeOwn } from "../../../contract/files";
import { editionOf, headerIn } from "../../media/edition";
import type { Folders } from "../../media/folders";
import { headerOf, type Known, readManifest } from "../../media/manifest";
import { Spool } from "../../media/spool";
import { writeDurably } from "../../media/volume";
import { Refusal } from "../../refusal";

/** What a store says of itself. */
export interface StoreState {
    /** When it was changed last, as ISO time; undefined if it is not whole, or says nothing. */
    published: string | undefined;
    /** What its last whole manifest knows. */
    known: Spool<Known>;
    /** Files that have changed since they came. */
    rotten: Set<string>;
}

/**
 * Refuses a folder that cannot be a store of media.
 *
 * @throws {Refusal}
 */
export async function refuseNoStore(store: string): Promise<void> {
    const names = await readdir(store).catch((error: NodeJS.ErrnoException) => {
        throw new Refusal(
            `The media store ${store} cannot be read (${error.code}): mount the claim of media.store there.`,
        );
    });
    if (names.includes(volumeMarker)) {
        throw new Refusal(
            `The media store ${store} carries the marker ${volumeMarker}: it is a replica's volume. Give the store a ` +
                "claim of its own.",
        );
    }
}

/** Reads what a store says of itself. What cannot be understood is as good as not there: everything is read again. */
export async function readStore(store: Folders): Promise<StoreState> {
    const header = headerIn(await editionOf(store));
    const name = header?.unfinished ? storeOwn.former : storeFiles;
    const known = header && (await readManifest(store, name).catch(() => undefined));
    return {
        published: known === undefined || header?.unfinished ? undefined : header?.published,
        known: known ?? new Spool<Known>(),
        rotten: await readRotten(store),
    };
}

/** Says in the place of the manifest that the store is being changed, so that nobody takes it for whole. */
export async function markUnfinished(store: string, { published }: StoreState): Promise<void> {
    if (published !== undefined) {
        await copyFile(join(store, storeFiles), join(store, storeOwn.former));
    }
    const header = headerOf({ published: new Date().toISOString(), unfinished: true });
    await writeDurably(join(store, storeFiles), `${header}\n`);
}

/** What runs have made of the store, the newest first, a line of JSON each. */
export async function readEditions(store: string): Promise<string> {
    return readFile(join(store, storeOwn.editions), "utf8").catch(unlessThere);
}

/** Writes down what a run has made of the store. */
export async function addEdition(store: string, edition: MediaEdition, { published }: StoreState): Promise<void> {
    // What became of a store that was not whole, nobody has counted: what came before that says nothing any more.
    const former = published === undefined ? [] : editionsIn(await readEditions(store));
    const lines = [edition, ...former].slice(0, editionsKept).map((one) => `${JSON.stringify(one)}\n`);
    await writeDurably(join(store, storeOwn.editions), lines.join(""));
}

/** Puts a new manifest into its place: from then on the store is whole. */
export async function markWhole(store: string, manifest: string, { rotten }: StoreState): Promise<void> {
    await rename(manifest, join(store, storeFiles));
    await rm(join(store, storeOwn.former), { force: true });
    if (rotten.size > 0) {
        await rm(join(store, storeOwn.rotten), { force: true });
    }
}

/** Marks files of a store that have changed since they came; none of them takes the mark away. */
export async function markRotten(store: string, paths: string[]): Promise<void> {
    const path = join(store, storeOwn.rotten);
    if (paths.length === 0) {
        await rm(path, { force: true });
        return;
    }
    const lines = paths.map((one) => JSON.stringify(listedName(one)));
    await writeDurably(path, lines.map((line) => `${line}\n`).join(""));
}

const rottenName = listedFile.pick({ path: true, bytes: true });

async function readRotten({ root }: Folders): Promise<Set<string>> {
    const text = await readFile(join(root, storeOwn.rotten), "utf8").catch(unlessThere);
    const lines = text.split("\n").filter((line) => line !== "");
    return new Set(lines.map((line) => nameListed(rottenName.parse(JSON.parse(line)))));
}

function unlessThere(error: NodeJS.ErrnoException): string {
    if (error.code !== "ENOENT") {
        throw error;
    }
    return "";
}
