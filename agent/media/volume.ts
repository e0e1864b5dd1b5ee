import { open, readdir, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { generationFolder, generationMarker, type Plan, volumeMarker } from "../../contract";
import { type MediaReport, mediaReport } from "../../contract/report";
import { Refusal } from "../refusal";

/** A media generation on the volume. */
export interface MediaGeneration {
    id: string;
    /** When its marker was written, in milliseconds since 1970; absent as long as it is incomplete. */
    completed?: number;
    /** What its marker holds. */
    report?: MediaReport;
}

/** What stands on a volume that nobody has used yet. */
const empty = new Set(["lost+found"]);

/**
 * Makes sure that the volume is this stack's.
 *
 * @returns whether it is still empty and without a marker
 * @throws {Refusal} when it is somebody else's, or not there
 */
export async function refuseStrangeVolume(volume: string, stack: string): Promise<"ours" | "empty"> {
    const entries = await readdir(volume).catch((error: NodeJS.ErrnoException) => {
        throw new Refusal(
            `The media volume ${volume} cannot be read (${error.code}): look at its claim and its mount.`,
        );
    });
    if (!entries.includes(volumeMarker)) {
        const strange = entries.filter((name) => !empty.has(name));
        if (strange.length === 0) {
            return "empty";
        }
        throw new Refusal(
            `The media volume ${volume} does not carry the marker ${volumeMarker} of a replica, and it is not empty ` +
                `(${strange.slice(0, 3).join(", ")}): give the replica a volume of its own.`,
        );
    }
    const owner = stackOf(await readFile(join(volume, volumeMarker), "utf8"));
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
 * Refuses a source and a volume of which one is the other, or within it: by inode, whatever they are called.
 *
 * @throws {Refusal}
 */
export async function refuseSameFolder({ source, volume }: { source: string; volume: string }): Promise<void> {
    const marker = await stat(join(source, volumeMarker)).catch(() => undefined);
    if (marker !== undefined) {
        throw new Refusal(
            `The media source ${source} carries the marker ${volumeMarker}: it is a replica's volume, not production's.`,
        );
    }
    for (const [inner, outer] of [
        [volume, source],
        [source, volume],
    ] as const) {
        const identity = await inode(outer);
        let folder = await realpath(inner);
        for (;;) {
            if ((await inode(folder)) === identity) {
                throw new Refusal(
                    `The media source ${source} and the volume ${volume} are the same folder, or one is within the ` +
                        "other: production's files are only read, so the replica needs a volume of its own.",
                );
            }
            if (dirname(folder) === folder) {
                break;
            }
            folder = dirname(folder);
        }
    }
}

/** The generations on a volume, complete or not, the newest first. */
export async function mediaGenerations(volume: string): Promise<MediaGeneration[]> {
    const names = await readdir(join(volume, "generations")).catch(() => []);
    const ids = new Set(
        names.map((name) => /^[0-9a-f]{10}(?=\.json$|$)/.exec(name)?.[0]).filter((id) => id !== undefined),
    );
    const generations = [...ids].map(
        async (id): Promise<MediaGeneration> => ({ id, ...(await readMarker(volume, id)) }),
    );
    return (await Promise.all(generations)).sort((a, b) => (b.completed ?? 0) - (a.completed ?? 0));
}

/** When a generation was completed, in milliseconds since 1970; undefined if it is incomplete. */
export async function completion(volume: string, id: string): Promise<number | undefined> {
    return (await readMarker(volume, id))?.completed;
}

async function readMarker(volume: string, id: string): Promise<Omit<MediaGeneration, "id"> | undefined> {
    const marker = join(volume, generationMarker(id));
    try {
        const report = mediaReport.parse(JSON.parse(await readFile(marker, "utf8")));
        const [{ mtimeMs }, folder] = await Promise.all([stat(marker), stat(join(volume, generationFolder(id)))]);
        return report.generation === id && folder.isDirectory() ? { completed: mtimeMs, report } : undefined;
    } catch {
        return undefined;
    }
}

/**
 * Refuses when the plan's generation is not complete on the volume.
 *
 * @throws {Refusal}
 */
export async function refuseIncompleteMedia({ media, stack }: Plan): Promise<void> {
    await refuseStrangeVolume(media.volume, stack);
    if ((await completion(media.volume, media.generation)) === undefined) {
        throw new Refusal(
            `Generation ${media.generation} of the media is not complete on volume ${media.volume}: ` +
                "run prepare-media first.",
        );
    }
}

/** Removes a generation, its marker first. May be interrupted and run again. */
export async function removeMediaGeneration(volume: string, id: string): Promise<void> {
    await rm(join(volume, generationMarker(id)), { force: true });
    await rm(join(volume, generationFolder(id)), { recursive: true, force: true });
}

/** Writes a file so that after a crash it is there in full or not at all. */
export async function writeDurably(path: string, text: string): Promise<void> {
    const temporary = `${path}.new`;
    const file = await open(temporary, "w", 0o644);
    try {
        await file.writeFile(text);
        await file.sync();
    } finally {
        await file.close();
    }
    await rename(temporary, path);
    const folder = await open(dirname(path));
    await folder.sync().finally(() => folder.close());
}

async function inode(path: string): Promise<string> {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
}

function stackOf(text: string): unknown {
    try {
        return JSON.parse(text)?.stack;
    } catch {
        return undefined;
    }
}
