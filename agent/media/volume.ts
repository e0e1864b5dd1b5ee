import { open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { generationFolder, generationMarker, type MediaCopy, volumeMarker } from "../../contract";
import { type MediaReport, mediaReport } from "../../contract/report";
import { Refusal } from "../refusal";
import { codeOf, met, unlessAbsent } from "./failure";
import { Folders, removeFolder } from "./folders";

/** A media generation on the volume. */
export interface MediaGeneration {
    id: string;
    /** When its marker was written, in milliseconds since 1970; absent as long as it is incomplete. */
    completed?: number;
    /** What its marker holds. */
    report?: MediaReport;
}

/** What may stand on a volume that nobody has used yet: nobody's data, and what a run has left that was killed at its begin. */
const isNothing = /^(lost\+found|\.understudy\..*)$/;

/**
 * Makes sure that the volume is this stack's.
 *
 * @returns whether it is still empty and without a marker
 * @throws {Refusal} when it is somebody else's, or not there
 */
export async function refuseStrangeVolume(volume: string, stack: string): Promise<"ours" | "empty"> {
    const entries = await readdir(volume).catch(unreadable(volume, volume));
    if (!entries.includes(volumeMarker)) {
        const strange = entries.filter((name) => !isNothing.test(name));
        if (strange.length === 0) {
            return "empty";
        }
        throw new Refusal(
            `The media volume ${volume} does not carry the marker ${volumeMarker} of a replica, and it is not empty ` +
                `(${strange.slice(0, 3).join(", ")}): give the replica a volume of its own.`,
        );
    }
    const marker = join(volume, volumeMarker);
    const owner = stackOf(await readFile(marker, "utf8").catch(unreadable(volume, marker)));
    if (owner !== stack) {
        throw new Refusal(
            `The media volume ${volume} belongs to the replica of stack ${owner ?? "nobody"}, not of ${stack}: ` +
                "give the replica a volume of its own.",
        );
    }
    return "ours";
}

/** Marks an empty volume as the stack's. */
export async function markVolume(volume: string, stack: string): Promise<void> {
    await writeDurably(join(volume, volumeMarker), `${JSON.stringify({ stack })}\n`);
}

/**
 * The generations on a volume, complete or not, the newest first.
 *
 * @throws {Refusal} when that cannot be read: whoever took what is complete for incomplete would remove it
 */
export async function mediaGenerations(volume: string): Promise<MediaGeneration[]> {
    const root = join(volume, "generations");
    const names = await readdir(root).catch(unlessAbsent).catch(unreadable(volume, root));
    const ids = new Set((names ?? []).map(idOf).filter((id) => id !== undefined));
    const generations = [...ids].map(
        async (id): Promise<MediaGeneration> => ({ id, ...(await readMarker(volume, id)) }),
    );
    return (await Promise.all(generations)).sort((a, b) => (b.completed ?? 0) - (a.completed ?? 0));
}

/**
 * When a generation was completed, in milliseconds since 1970; undefined if it is incomplete.
 *
 * @throws {Refusal} when that cannot be read
 */
export async function completion(volume: string, id: string): Promise<number | undefined> {
    return (await readMarker(volume, id))?.completed;
}

async function readMarker(volume: string, id: string): Promise<Omit<MediaGeneration, "id"> | undefined> {
    const marker = join(volume, generationMarker(id));
    const look = (path: string) => stat(path).catch(unlessAbsent).catch(unreadable(volume, path));
    const [text, status, folder] = await Promise.all([
        readFile(marker, "utf8").catch(unlessAbsent).catch(unreadable(volume, marker)),
        look(marker),
        look(join(volume, generationFolder(id))),
    ]);
    if (text === undefined || status === undefined || folder === undefined) {
        return undefined;
    }
    const { generation, report } = toldIn(text);
    if (generation !== id) {
        throw new Refusal(
            `The marker ${generationMarker(id)} on the media volume ${volume} is not that of generation ${id}, and nothing ` +
                "is done to a generation that may be in use: look at the volume, and remove the marker if nobody uses it.",
        );
    }
    return { completed: status.mtimeMs, ...(report !== undefined && { report }) };
}

/** What a marker says; an agent of another version may have written other things as well. */
function toldIn(text: string): { generation?: unknown; report?: MediaReport | undefined } {
    try {
        const value = JSON.parse(text);
        return { generation: value?.generation, report: mediaReport.safeParse(value).data };
    } catch {
        return {};
    }
}

/** Refuses a volume of which something cannot be read. */
function unreadable(volume: string, path: string) {
    return (error: NodeJS.ErrnoException): never => {
        throw new Refusal(
            `The media volume ${volume} cannot be read (${codeOf(error)}, ${path}): look at its claim and its mount.`,
        );
    };
}

/**
 * Refuses when the plan's generation is not complete on the volume.
 *
 * @throws {Refusal}
 */
export async function refuseIncompleteMedia({ media, stack }: MediaCopy): Promise<void> {
    await refuseStrangeVolume(media.volume, stack);
    if ((await completion(media.volume, media.generation)) === undefined) {
        throw new Refusal(
            `Generation ${media.generation} of the media is not complete on volume ${media.volume}: ` +
                "run prepare-media first.",
        );
    }
}

/**
 * Removes a generation, its marker first. May be interrupted and run again.
 *
 * @throws {Error} when the agent may not
 */
export async function removeMediaGeneration(volume: string, id: string): Promise<void> {
    await rm(join(volume, generationMarker(id)), { force: true });
    const tree = new Folders(join(volume, "generations"));
    try {
        for (const entry of (await readdir(tree.root, { withFileTypes: true }).catch(unlessAbsent)) ?? []) {
            if (idOf(entry.name) === id) {
                await (entry.isDirectory() ? removeFolder(tree, entry.name) : rm(join(tree.root, entry.name)));
            }
        }
    } catch (error) {
        const code = codeOf(error as NodeJS.ErrnoException) ?? "";
        throw ["EACCES", "EPERM"].includes(code)
            ? new Error(
                  `${generationFolder(id)} on the media volume ${volume} cannot be removed (${code}): if a run with ` +
                      "media.owners: production has left it, let another one of these remove it, or do so by hand.",
              )
            : error;
    } finally {
        await tree.close();
    }
}

/** The generation that a name in `generations` is part of; all that belongs to one begins with its id. */
function idOf(name: string): string | undefined {
    return /^[0-9a-f]{10}(?=\.|$)/.exec(name)?.[0];
}

/** Writes a file so that after a crash it is there in full or not at all. */
export async function writeDurably(path: string, text: string): Promise<void> {
    const temporary = `${path}.new`;
    const file = await open(temporary, "w", 0o644);
    try {
        await file.writeFile(text);
        await file.sync();
    } catch (error) {
        met(error as Error, temporary);
    } finally {
        await file.close();
    }
    await rename(temporary, path);
    const folder = await open(dirname(path));
    await folder
        .sync()
        .catch((error) => met(error, dirname(path)))
        .finally(() => folder.close());
}

function stackOf(text: string): unknown {
    try {
        return JSON.parse(text)?.stack;
    } catch {
        return undefined;
    }
}
