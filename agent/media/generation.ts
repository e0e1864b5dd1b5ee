import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { generationFiles, generationFolder, generationMarker, type MediaCopy, type MediaPlan } from "../../contract";
import type { MediaReport } from "../../contract/report";
import { Refusal } from "../refusal";
import { formatBytes, log, Phases, plural, type Watch } from "../report";
import { after } from "./after";
import { bucketSource } from "./bucket";
import { type Copied, copyTree, folderMode, makeFolder, own } from "./copy";
import { folderSource } from "./folder";
import { Folders } from "./folders";
import { Former } from "./former";
import { canClone, refuseDeletions, refuseMissingSource, refuseTree, refuseWithoutRoom, sourceName } from "./guards";
import { type VolumeLease, withVolume } from "./lease";
import { Listing } from "./listing";
import { type Known, ManifestWriter } from "./manifest";
import { Owners } from "./owners";
import { refuseSameFolder } from "./place";
import { proveCopy } from "./prove";
import type { Source } from "./source";
import type { Spool } from "./spool";
import {
    completion,
    markVolume,
    mediaGenerations,
    refuseStrangeVolume,
    removeMediaGeneration,
    writeDurably,
} from "./volume";

/** What a generation is made of. */
interface Ingredients {
    source: Source;
    listing: Listing;
    /** What production's file manifest knows. */
    production?: Spool<Known> | undefined;
    former?: Former | undefined;
}

/** Opens what a plan copies from. */
export type Opening = (media: MediaPlan) => Source;

/** Seconds for which production's side may be changing the source before a copy is refused. */
const waiting = 900;

/** How often a copy is made whose source was changed meanwhile by production's side. */
const attempts = 3;

/** Production's side has changed the source while it was copied. */
class Overtaken extends Error {}

/**
 * Makes the plan's generation of the media beside the one in use and proves it; again if production's side has changed the
 * source meanwhile.
 *
 * @param patience seconds for which production's side may be changing the source
 * @param open opens the source; by itself the agent opens what is on its own machine, and buckets
 * @returns a sentence on what was made, or that it was there already
 * @throws {Refusal} when a guard speaks, before anything has changed
 * @throws {Error} when copying or its proof fails; what was made for it is removed again, unless it is to be kept
 */
export async function prepareMedia(
    plan: MediaCopy,
    signal: AbortSignal,
    patience = waiting,
    open: Opening = sourceOf,
): Promise<string> {
    for (let attempt = 1; ; attempt++) {
        try {
            return await prepareOnce(plan, patience, signal, open);
        } catch (error) {
            if (!(error instanceof Overtaken) || attempt === attempts) {
                throw error;
            }
            log(`${error.message} It is copied again.`);
        }
    }
}

async function prepareOnce(plan: MediaCopy, patience: number, signal: AbortSignal, open: Opening): Promise<string> {
    const { media, stack } = plan;
    const { volume, generation: id } = media;
    const isThere = async () =>
        (await refuseStrangeVolume(volume, stack)) === "ours" && (await completion(volume, id)) !== undefined;
    const nothing = `Generation ${id} of the media is already there: nothing to do.`;
    if (await isThere()) {
        return nothing;
    }
    if (typeof media.source === "string") {
        await refuseMissingSource(media.source, media.sentinel);
        await refuseSameFolder({ source: media.source, volume });
    }
    return withVolume(volume, `prepare-media ${id}`, signal, async (lease) =>
        // Whoever was at it a moment ago may have made just this one.
        (await isThere()) ? nothing : prepareAlone(plan, patience, lease, open),
    );
}

/** The same, as the only run that changes the volume. */
async function prepareAlone(
    { media, stack, keepFailed }: MediaCopy,
    patience: number,
    lease: VolumeLease,
    open: Opening,
): Promise<string> {
    const { volume, generation: id } = media;
    const { signal } = lease;
    const state = await refuseStrangeVolume(volume, stack);
    const phases = new Phases();
    const parts: Ingredients = { source: open(media), listing: new Listing() };
    try {
        await parts.source.begin(patience, signal);
        const owners = await Owners.find(media, parts.source);
        parts.former = state === "ours" ? await Former.open(media, owners) : undefined;
        await phases.run("read the source", (watch) => read(parts, watch, signal));
        const deletions = await guard(parts, media);
        if (state === "empty") {
            await markVolume(volume, stack);
        }
        return await build({ ...parts, owners }, deletions, media, phases, lease);
    } catch (failure) {
        // What is on the volume of another run is not this one's to remove.
        await lease.confirm();
        // Whatever has been found of a tree that changed under the copy may be for that reason alone.
        const error = (await isOvertaken(parts.source)) ? overtaken(media) : failure;
        if (error instanceof Refusal) {
            throw error;
        }
        if (keepFailed && !(error instanceof Overtaken)) {
            const reason = sentence(error, volume).replace(/[.\s]*$/, "");
            throw new Error(`${reason}. Folder ${generationFolder(id)} is kept as it is until the next run.`);
        }
        await removeMediaGeneration(volume, id).catch(() => {
            log(`${generationFolder(id)} could not be removed; the next run will do it`);
        });
        signal.throwIfAborted();
        throw error instanceof Overtaken ? error : new Error(sentence(error, volume));
    } finally {
        parts.listing.close();
        parts.production?.close();
        await Promise.all([parts.source.close(), parts.former?.close()]);
    }
}

async function isOvertaken(source: Source): Promise<boolean> {
    return source.isOvertaken().catch(() => false);
}

function overtaken(media: MediaCopy["media"]): Overtaken {
    return new Overtaken(`Production's side has changed the media source ${sourceName(media)} while it was copied.`);
}

/** Reads what there is to copy, and what of it the former generation has. */
async function read(parts: Ingredients, watch: Watch, signal: AbortSignal): Promise<void> {
    const { source, listing, former } = parts;
    watch(() => ({ done: listing.files, unit: "file" }));
    await source.read(
        (entry) =>
            after(entry.kind === "file" && former !== undefined && former.has(entry), (same) => {
                listing.add(entry, same);
            }),
        (objection) => listing.object(objection),
        signal,
    );
    listing.complete();
    parts.production = await source.manifest();
}

/**
 * Refuses what may not be copied, or would not fit.
 *
 * @returns how many of the former generation's files are lacking; undefined if nobody knows
 */
async function guard({ listing, former }: Ingredients, media: MediaPlan): Promise<number | undefined> {
    const { volume, sharing } = media;
    refuseTree(listing, media);
    const deletions = former?.files && refuseDeletions(listing, former.files, media);
    if (sharing === "clone" && !(await canClone(volume))) {
        throw new Refusal(
            `The file system of the media volume ${volume} cannot share blocks between files, and media.sharing is clone: ` +
                "set it to link or copy, or give the replica a volume on XFS or Btrfs.",
        );
    }
    // What a killed run has left takes room. To go on with it would take a proof of every file that is half there.
    for (const { id, completed } of await mediaGenerations(volume)) {
        if (completed === undefined) {
            await removeMediaGeneration(volume, id);
        }
    }
    await refuseWithoutRoom(listing, volume);
    return deletions;
}

async function build(
    parts: Ingredients & { owners: Owners },
    deletions: number | undefined,
    media: MediaPlan,
    phases: Phases,
    { signal, confirm }: VolumeLease,
): Promise<string> {
    const { volume, generation: id, group, sharing } = media;
    const { listing, source, owners, former, production } = parts;
    const root = join(volume, generationFolder(id));
    await mkdir(root, { recursive: true });
    const target = new Folders(root, makeFolder(group));
    let copied: Copied | undefined;
    try {
        // With another setting of media.owners the agent is another user, who has to get on here as well.
        await own(Buffer.from(dirname(root)), target.calls, group, folderMode);
        await target.in("", async (place) => {
            const path = Buffer.from(`${place}/.`);
            const top = await source.root();
            await (top === undefined
                ? own(path, target.calls, group, folderMode)
                : owners.give(top, path, target.calls));
        });
        const copy = await phases.run("copy", (watch) =>
            copyTree({ listing, bring: source.bring, target, former: former?.tree, sharing, watch, signal }),
        );
        copied = copy;
        const manifest = await ManifestWriter.create(join(volume, generationFiles(id)));
        const proof = await phases.run("prove", async (watch) => {
            const found = await proveCopy({
                ...{ copied: copy, target, production, former: former?.files },
                ...{ manifest, owners, plan: media, watch, signal },
            }).finally(() => manifest.end());
            // The marker must not reach the disk before the files do.
            await promisify(execFile)("sync", ["-f", volume]);
            return found;
        });
        if (await source.isOvertaken()) {
            throw overtaken(media);
        }
        const { made: _, ...figures } = copy;
        const published = source.published();
        const report: MediaReport = {
            generation: id,
            ...(published !== undefined && { published }),
            ...figures,
            ...(deletions !== undefined && { deletions }),
            owners: owners.sentence,
            ...(owners.areKept && { ownersKept: true }),
            proof: proof.proof,
            unknown: [
                ...(former !== undefined && deletions === undefined
                    ? ["deletions: the former copy's file manifest cannot be read"]
                    : []),
                ...proof.unknown,
            ],
            phases: phases.finished,
        };
        await confirm();
        await writeDurably(join(volume, generationMarker(id)), `${JSON.stringify(report, undefined, 2)}\n`);
        return `${lastWord(report, phases.total)}${owners.mapped}`;
    } finally {
        copied?.made.close();
        await target.close();
    }
}

function lastWord(
    { generation, files, bytes, linked, cloned, deletions, vanished }: MediaReport,
    seconds: number,
): string {
    const shared = linked > 0 || cloned === 0 ? `${linked.toLocaleString("en-US")} of them unchanged and shared` : "";
    const blocks = cloned > 0 ? `${cloned.toLocaleString("en-US")} of them with shared blocks` : "";
    const lacking = deletions ? ` ${plural(deletions, "file")} of the former copy are no longer there.` : "";
    const gone = vanished === 0 ? "" : ` ${plural(vanished, "file")} vanished from the source meanwhile.`;
    return (
        `Generation ${generation} of the media is complete and proven: ` +
        `${[plural(files, "file"), formatBytes(bytes), shared, blocks].filter((part) => part !== "").join(", ")}, ` +
        `in ${seconds} s.${lacking}${gone}`
    );
}

function sentence(error: unknown, volume: string): string {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT" || /no space left on device|disk quota exceeded/.test(message)) {
        return `The media volume ${volume} is full: raise media.volume. The former generation stays in use.`;
    }
    return code === undefined ? message : `The media could not be copied (${message}).`;
}

/** Production's media as the plan names it. */
function sourceOf(media: MediaPlan): Source {
    const { source } = media;
    if (typeof source === "string") {
        return folderSource(source, media);
    }
    if ("host" in source) {
        throw new Refusal(`The media source ${sourceName(media)} is served by nobody: this is started by understudy.`);
    }
    return bucketSource(source, media);
}
