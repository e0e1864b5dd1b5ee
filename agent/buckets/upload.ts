import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { BucketSidePlan, BucketsPlan, BucketUploads } from "../../contract/buckets";
import { transfer, uploadFile } from "../rclone";
import { Refusal } from "../refusal";
import { formatBytes, Phases, plural } from "../report";
import { refuseExposed } from "./exposure";
import { openSide, type Side } from "./side";

/** Days of a month on which dumps are kept for longer. */
const weeklyDays = [1, 7, 14, 21, 28];

/** Where dumps go on a day, which is one of UTC's. */
export function placesOn(day: Date, { daily, weekly }: Pick<BucketUploads, "daily" | "weekly">): BucketSidePlan[] {
    return weekly !== undefined && weeklyDays.includes(day.getUTCDate()) ? [daily, weekly] : [daily];
}

/**
 * Uploads the plan's dumps to the places of a day, and compares what is there with the files.
 *
 * @param day today if left out
 * @throws {Refusal} when a dump is not there, or a place is public
 * @throws {Error} when something cannot be uploaded, or is something else there
 */
export async function uploadDumps(plan: BucketsPlan, signal: AbortSignal, day = new Date()): Promise<string> {
    const { uploads, rclone } = plan;
    if (uploads === undefined || uploads.files.length === 0) {
        throw new Refusal("The plan names no dumps to upload: write uploads with the places and the files.");
    }
    const bytes = await sizeOf(uploads.files);
    const sides: Side[] = [];
    const unknown: string[] = [];
    for (const place of placesOn(day, uploads)) {
        const side = await openSide("to", place, rclone);
        unknown.push(...(await refuseExposed(side, signal)));
        sides.push(side);
    }
    const phases = new Phases();
    for (const side of sides) {
        await phases.run(`upload to ${side.name}`, () => uploadTo(side, uploads.files, signal));
    }
    const where = sides.map(({ name }) => name).join(" and ");
    const remarks = unknown.map((text) => ` Not known: ${text}.`).join("");
    return `Uploaded ${plural(uploads.files.length, "dump")} (${formatBytes(bytes)}) to ${where} and compared them there.${remarks}`;
}

async function sizeOf(files: string[]): Promise<number> {
    const names = files.map((file) => basename(file));
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) {
        throw new Refusal(`Two of the dumps to upload are called ${twice}: give each a name of its own.`);
    }
    let bytes = 0;
    for (const file of files) {
        const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
            throw new Refusal(`The dump ${file} cannot be uploaded (${error.code}): look whether it was made.`);
        });
        if (!found.isFile() || found.size === 0) {
            throw new Refusal(`The dump ${file} is empty, or no file: look whether it was made.`);
        }
        bytes += found.size;
    }
    return bytes;
}

async function uploadTo({ remote }: Side, files: string[], signal: AbortSignal): Promise<void> {
    const folder = { ...remote, remote: remote.remote.replace(/\/$/, "") };
    for (const file of files) {
        await uploadFile(file, folder, signal);
        const local = { rclone: remote.rclone, remote: dirname(file) };
        await transfer("check", local, remote, ["--one-way", "--files-from-raw=-"], {
            signal,
            input: `${basename(file)}\n`,
        });
    }
}
