import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { editionsFile, type MediaEdition } from "../../../contract/editions";
import { storeOwn } from "../../../contract/files";
import type { MediaPublication, Publication } from "../../../contract/publication";
import { type Copied, copyTree, fileMode, fromFolder, makeFolder, own } from "../../media/copy";
import { Folders, removeFolder } from "../../media/folders";
import { refuseDeletions, refuseMissingSource, refuseTree, refuseWithoutRoom } from "../../media/guards";
import { Hashes } from "../../media/hash";
import { inParallel } from "../../media/lanes";
import { ManifestWriter } from "../../media/manifest";
import { refuseSameFolder } from "../../media/place";
import type { Entry } from "../../media/tree";
import { Refusal } from "../../refusal";
import { formatBytes, Phases, plural, type Watch } from "../../report";
import { publishCatalogue } from "../cluster";
import { bringIn } from "./arrival";
import { Difference, type Hashed } from "./difference";
import { copyMediaOffsite } from "./offsite";
import {
    addEdition,
    markUnfinished,
    markWhole,
    readEditions,
    readStore,
    refuseNoStore,
    type StoreState,
} from "./store";

/** What a run works with. */
interface Run {
    media: MediaPublication;
    source: Folders;
    store: Folders;
    state: StoreState;
    phases: Phases;
    signal: AbortSignal;
}

/** The plan's part about media. */
export function mediaOf({ media }: Publication): MediaPublication {
    if (media === undefined) {
        throw new Refusal("The plan names no media: write the setting media, and run the update again.");
    }
    return media;
}

/**
 * Makes the store of media what production has, and writes its file manifest. What is new comes whole beside the store
 * first, so that the store is changed within moments; until then it is as it was, and while it is changed it says so.
 *
 * @returns a sentence on what was done
 * @throws {Refusal} when a guard speaks, before anything has changed
 * @throws {Error} when something cannot be copied; or when all is there, but the cluster does not know, or it is not off-site
 */
export async function publishMedia(plan: Publication, signal: AbortSignal): Promise<string> {
    const media = mediaOf(plan);
    await refuseMissingSource(media.source, media.sentinel);
    await refuseNoStore(media.store);
    await refuseSameFolder({ source: media.source, volume: media.store });
    const source = new Folders(media.source);
    const store = new Folders(media.store, makeFolder(media.group));
    const phases = new Phases();
    try {
        const state = await readStore(store);
        const said = await publishTree({ media, source, store, state, phases, signal }).finally(() =>
            state.known.close(),
        );
        const editions = { [editionsFile]: await readEditions(media.store) };
        await publishCatalogue(plan.cluster, editions, signal).catch((error: Error) => {
            signal.throwIfAborted();
            throw new Error(`${said} But no preview can tell of it: ${error.message}`);
        });
        await copyMediaOffsite(media, new Date(), signal).catch((error: Error) => {
            signal.throwIfAborted();
            throw new Error(`${said} But it could not be copied off-site: ${error.message}`);
        });
        return said;
    } catch (error) {
        signal.throwIfAborted();
        throw error instanceof Refusal ? error : inStore(media.store, error);
    } finally {
        await Promise.all([source.close(), store.close()]);
    }
}

async function publishTree(run: Run): Promise<string> {
    const { media, source, store, state, phases, signal } = run;
    const difference = await phases.run("compare", (watch) =>
        Difference.read({ media, source, store, former: state.known, rotten: state.rotten, watch, signal }),
    );
    try {
        const { listing, present, wanted } = difference;
        refuseTree(listing, media);
        refuseDeletions(listing, present, media, "store");
        // What a killed run has left takes room.
        await removeIncoming(store);
        await refuseWithoutRoom(wanted, media.store, {
            what: `media store ${media.store}`,
            larger: "make its volume larger",
            more: "give it a volume",
        });
        return await bring(run, difference);
    } finally {
        difference.close();
        await removeIncoming(store).catch(() => undefined);
    }
}

async function bring(run: Run, difference: Difference): Promise<string> {
    const { media, source, store, state, phases, signal } = run;
    const folder = join(media.store, storeOwn.incoming);
    await mkdir(join(folder, "tree"), { recursive: true });
    const incoming = new Folders(join(folder, "tree"), makeFolder(media.group));
    let copied: Copied | undefined;
    try {
        const from = fromFolder(source, "link");
        const copy = await phases.run("copy", (watch) =>
            copyTree({ listing: difference.wanted, bring: from, target: incoming, sharing: "copy", watch, signal }),
        );
        copied = copy;
        const unchanged = difference.isAny ? undefined : state.published;
        const published = unchanged ?? new Date().toISOString();
        const path = join(folder, "files.jsonl");
        const manifest = await ManifestWriter.create(path, published);
        await phases
            .run("hash", (watch) => list(run, { difference, copied: copy, incoming, manifest, watch }))
            .finally(() => manifest.end());
        const removed = await phases.run("bring in", async () => {
            if (unchanged === undefined) {
                await markUnfinished(media.store, state);
            }
            const count = await bringIn({ difference, made: copy.made, incoming, store, signal });
            if (unchanged === undefined) {
                await addEdition(media.store, editionMade(published, difference, copy, count), state);
            }
            // The manifest must not reach the disk before the files do.
            await promisify(execFile)("sync", ["-f", media.store]);
            await markWhole(media.store, path, state);
            return count;
        });
        return lastWord(media.store, difference, copy, removed, phases.total);
    } finally {
        copied?.made.close();
        await incoming.close();
    }
}

/** What {@link list} needs to know. */
interface Contents {
    difference: Difference;
    copied: Copied;
    incoming: Folders;
    manifest: ManifestWriter;
    watch: Watch;
}

/** Writes what the store is going to hold into its manifest, with the hash of every file. */
async function list({ media, store, signal }: Run, contents: Contents): Promise<void> {
    const { difference, copied, incoming, manifest, watch } = contents;
    const { listing, kept } = difference;
    const hashes = new Hashes(signal);
    let through = 0;
    watch(() => ({ done: through, unit: "byte", part: { of: listing.bytes, through } }));
    await inParallel(listing.folders, (entry) => manifest.add(entry), signal);
    await inParallel(kept, async (entry) => add(entry, entry.sha256 ?? (await hashOf(store, entry))), signal);
    await inParallel(
        copied.made,
        async (entry) => {
            if (entry.kind === "file") {
                const mode = fileMode(entry.mode, "link");
                await incoming.at(entry.path, (path) => own(path, incoming.calls, media.group, mode));
            }
            await add(entry, await hashOf(incoming, entry));
        },
        signal,
    );

    async function add(entry: Hashed, sha256: string | undefined): Promise<void> {
        await manifest.add(entry, sha256);
        through += entry.kind === "file" ? entry.size : 0;
    }

    async function hashOf(tree: Folders, entry: Entry): Promise<string | undefined> {
        return entry.kind === "file" ? hashes.of(tree, entry.path, entry.size) : undefined;
    }
}

async function removeIncoming(store: Folders): Promise<void> {
    const found = await store.at(storeOwn.incoming, (path) => store.calls.find(path));
    if (found !== undefined) {
        await removeFolder(store, storeOwn.incoming);
    }
}

function editionMade(published: string, { listing }: Difference, copied: Copied, removed: number): MediaEdition {
    const { files, bytes } = listing;
    return { published, files: files - copied.vanished, bytes, brought: copied.files, removed };
}

function lastWord(
    store: string,
    { listing, isAny }: Difference,
    copied: Copied,
    removed: number,
    seconds: number,
): string {
    const all = `${plural(listing.files - copied.vanished, "file")}, ${formatBytes(listing.bytes)}`;
    if (!isAny) {
        return `The media store ${store} holds what production has, ${all}: nothing to do.`;
    }
    const gone = copied.vanished === 0 ? "" : ` ${plural(copied.vanished, "file")} vanished from production meanwhile.`;
    return (
        `The media store ${store} holds what production has, ${all}: ${plural(copied.files, "file")} brought and ` +
        `${plural(removed, "file")} removed in ${seconds} s.${gone}`
    );
}

/** What the file system says of a store, or of production's files, as a sentence. */
function inStore(store: string, error: unknown): Error {
    const { code, path = "", message } = error as NodeJS.ErrnoException;
    if (code === undefined) {
        return error as Error;
    }
    if (code === "ENOSPC" || code === "EDQUOT") {
        return new Error(`The media store ${store} is full: make its volume larger.`);
    }
    if (["EACCES", "EPERM", "EROFS"].includes(code) && path.startsWith(store)) {
        return new Error(
            `The media store ${store} cannot be written to (${message}): let the publisher's user write there.`,
        );
    }
    return new Error(`The media could not be published (${message}).`);
}
