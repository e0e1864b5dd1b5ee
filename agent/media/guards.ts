import { open, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { MediaPlan } from "../../contract";
import { nameOf } from "../rclone";
import { Refusal } from "../refusal";
import { formatBytes, plural } from "../report";
import { codeOf, unlessAbsent } from "./failure";
import { isUnshared } from "./file";
import { Folders } from "./folders";
import { joined } from "./join";
import type { Listing } from "./listing";
import type { Known } from "./manifest";
import { display, raw } from "./name";
import type { Spool } from "./spool";
import { leftOut } from "./tree";

/** Bytes and files that stay free on a volume, besides what is copied: for its lists, and what the application adds. */
const reserve = { bytes: 16 * 2 ** 20, files: 16 };

/** The source as people call it. */
export function sourceName({ source }: Pick<MediaPlan, "source">): string {
    if (typeof source === "string") {
        return source;
    }
    return "host" in source ? `${source.folder} on host ${source.host}` : nameOf(source);
}

/**
 * Refuses a folder that is not production's, because it is not there or not mounted.
 *
 * @throws {Refusal}
 */
export async function refuseMissingSource(source: string, sentinel: string | undefined): Promise<void> {
    const isThere = (path: string) =>
        stat(path)
            .catch(unlessAbsent)
            .catch((error: NodeJS.ErrnoException) => {
                throw new Refusal(
                    `The media source ${source} cannot be read (${codeOf(error)}, ${path}): look at production's volume ` +
                        "and its mount.",
                );
            });
    if ((await isThere(source)) === undefined) {
        throw new Refusal(`The media source ${source} is not there: mount production's files there.`);
    }
    if (sentinel !== undefined && (await isThere(join(source, sentinel))) === undefined) {
        throw new Refusal(
            `The media source ${source} does not hold ${sentinel}, which media.sentinel names: look whether ` +
                "production's volume is mounted.",
        );
    }
}

/**
 * Refuses a tree that may not be copied, or that is too small to be production's.
 *
 * @throws {Refusal}
 */
export function refuseTree(
    { objection, objections, files }: Pick<Listing, "objection" | "objections" | "files">,
    media: Pick<MediaPlan, "source" | "minimumFiles">,
): void {
    const name = sourceName(media);
    if (objection !== undefined) {
        const more = objections === 1 ? "" : ` (and ${objections - 1} more)`;
        throw new Refusal(
            `${display(objection.path)} of the media source ${name} ${objection.reason}${more}: ` +
                "correct it in production, or name it in media.exclude.",
        );
    }
    refuseFew(files, media);
}

/**
 * Refuses a source that holds too few files to be production's.
 *
 * @throws {Refusal}
 */
export function refuseFew(files: number, media: Pick<MediaPlan, "source" | "minimumFiles">): void {
    if (files < media.minimumFiles) {
        const advice =
            typeof media.source === "string" || "host" in media.source
                ? "look whether production's volume is mounted"
                : "look whether source.media.s3 is right";
        throw new Refusal(
            `The media source ${sourceName(media)} holds ${plural(files, "file")}, and media.minimumFiles is ` +
                `${media.minimumFiles}: ${advice}.`,
        );
    }
}

/**
 * Refuses a tree that lacks too many of the files that the generation in use was made of. What is excluded now is not
 * counted.
 *
 * @param former its files, by its own manifest
 * @param where what they are files of, for people
 * @returns how many are lacking
 * @throws {Refusal}
 */
export function refuseDeletions(
    listing: Listing,
    former: Spool<Known>,
    { maximumDeletions, exclude }: Pick<MediaPlan, "maximumDeletions" | "exclude">,
    where = "generation in use",
): number {
    const isLeftOut = leftOut(exclude);
    const isExcluded = (path: string) =>
        path.split("/").some((_, at, all) => isLeftOut(all.slice(0, at + 1).join("/")));
    let lacking = 0;
    for (const { items, known } of joined(former, [listing.everyFile], ({ path }: { path: string }) => path)) {
        const [present] = known;
        for (const { path } of items) {
            lacking += present?.has(path) || isExcluded(path) ? 0 : 1;
        }
    }
    const share = (100 * lacking) / Math.max(former.length, 1);
    if (share > maximumDeletions) {
        throw new Refusal(
            `The media source lacks ${lacking.toLocaleString("en-US")} of the ${plural(former.length, "file")} of the ` +
                `${where} (${Math.ceil(share)} %), and media.maximumDeletions is ${maximumDeletions} %: look ` +
                `whether they are to be gone, and if so set media.maximumDeletions to ${Math.ceil(share)}.`,
        );
    }
    return lacking;
}

/**
 * Refuses a volume without room for what is to be copied.
 *
 * @param name the volume as people call it, and what makes it larger
 * @throws {Refusal}
 */
export async function refuseWithoutRoom(
    { freshBytes, fresh, folders, links }: Pick<Listing, "freshBytes" | "fresh" | "folders" | "links">,
    volume: string,
    name = { what: `media volume ${volume}`, larger: "raise media.volume", more: "give the replica a volume" },
): Promise<void> {
    const { bavail, bsize, blocks, ffree, files } = await statfs(volume);
    const wanted = freshBytes + reserve.bytes;
    // What tells of no size at all does not know it.
    if (blocks > 0 && bavail * bsize < wanted) {
        throw new Refusal(
            `The ${name.what} is too small: ${formatBytes(wanted)} are needed for what is new, and ` +
                `${formatBytes(bavail * bsize)} are free: ${name.larger} by ${formatBytes(wanted - bavail * bsize)} or more.`,
        );
    }
    const names = fresh.reduce((sum, { length }) => sum + length, 0) + folders.length + links.length + reserve.files;
    if (files > 0 && ffree < names) {
        throw new Refusal(
            `The ${name.what} can hold ${plural(ffree, "more file")}, and ${names} are needed for what is new: ` +
                `${name.more} with more inodes.`,
        );
    }
}

/** Whether two files on a volume can share their blocks. */
export async function canClone(volume: string): Promise<boolean> {
    const path = join(volume, ".understudy.blocks");
    const clone = join(volume, ".understudy.clone");
    await Promise.all([rm(path, { force: true }), rm(clone, { force: true })]);
    try {
        const file = await open(path, "w");
        await file.writeFile("x").finally(() => file.close());
        const folders = new Folders(volume);
        await folders.calls.clone(raw(path), raw(clone));
        return true;
    } catch (error) {
        if (isUnshared(error)) {
            return false;
        }
        throw error;
    } finally {
        await Promise.all([rm(path, { force: true }), rm(clone, { force: true })]);
    }
}
