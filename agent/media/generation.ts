import { execFile } from "node:child_process";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { generationFolder, generationMarker, type Plan } from "../../contract";
import type { MediaReport } from "../../contract/report";
import { nameOf } from "../rclone";
import { Refusal } from "../refusal";
import { formatBytes, log, Phases, plural, type Watch } from "../report";
import { fromBucket, readBucket } from "./bucket";
import { copyTree, fromFolder } from "./copy";
import { display, readTree, type Tree } from "./tree";
import {
    completion,
    markVolume,
    mediaGenerations,
    refuseSameFolder,
    refuseStrangeVolume,
    removeMediaGeneration,
    writeDurably,
} from "./volume";

/**
 * Makes the plan's generation of the media beside the one in use and proves it.
 *
 * @returns a sentence on what was made, or that it was there already
 * @throws {Refusal} when a guard speaks, before anything has changed
 * @throws {Error} when copying or its proof fails; what was made for it is removed again, unless it is to be kept
 */
export async function prepareMedia({ media, stack, keepFailed }: Plan, signal: AbortSignal): Promise<string> {
    const { volume, generation: id } = media;
    const state = await refuseStrangeVolume(volume, stack);
    if (state === "ours" && (await completion(volume, id)) !== undefined) {
        return `Generation ${id} of the media is already there: nothing to do.`;
    }
    const phases = new Phases();
    const tree = await phases.run("read the source", (watch) => readSource(media, watch, signal));
    if (state === "empty") {
        await markVolume(volume, stack);
    }
    try {
        return await build(tree, media, phases, signal);
    } catch (error) {
        if (keepFailed) {
            const reason = sentence(error, volume).replace(/[.\s]*$/, "");
            throw new Error(`${reason}. Folder ${generationFolder(id)} is kept as it is until the next run.`);
        }
        await removeMediaGeneration(volume, id).catch(() => {
            log(`${generationFolder(id)} could not be removed; the next run will do it`);
        });
        signal.throwIfAborted();
        throw new Error(sentence(error, volume));
    }
}

/** Reads the source and refuses one that is not really there, or that holds what may not be copied. */
async function readSource(
    { source, volume, minimumFiles }: Plan["media"],
    watch: Watch,
    signal: AbortSignal,
): Promise<Tree> {
    const isFolder = typeof source === "string";
    const name = isFolder ? source : nameOf(source);
    const tree = await (isFolder ? readFolder(source, volume, watch, signal) : readBucket(source, watch, signal));
    const [first, ...others] = tree.objections;
    if (first !== undefined) {
        const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
        throw new Refusal(
            `${display(first.path)} of the media source ${name} ${first.reason}${more}: ` +
                "correct it in production, so that the copy can be whole.",
        );
    }
    if (tree.files < minimumFiles) {
        throw new Refusal(
            `The media source ${name} holds ${plural(tree.files, "file")}, and media.minimumFiles is ` +
                `${minimumFiles}: look whether ${isFolder ? "production's volume is mounted" : "source.media.s3 is right"}.`,
        );
    }
    return tree;
}

async function readFolder(source: string, volume: string, watch: Watch, signal: AbortSignal): Promise<Tree> {
    await stat(source).catch(() => {
        throw new Refusal(`The media source ${source} is not there: mount production's files there.`);
    });
    await refuseSameFolder({ source, volume });
    const { dev, ino } = await stat(volume, { bigint: true });
    return readTree(source, watch, signal, `${dev}:${ino}`);
}

async function build(tree: Tree, media: Plan["media"], phases: Phases, signal: AbortSignal): Promise<string> {
    const { source, volume, generation: id, group } = media;
    const target = join(volume, generationFolder(id));
    const former = (await mediaGenerations(volume)).find(({ completed }) => completed !== undefined);
    await removeMediaGeneration(volume, id);
    await mkdir(target, { recursive: true });

    const copied = await phases.run("copy", (watch) =>
        copyTree({
            tree,
            bring: typeof source === "string" ? fromFolder(source) : fromBucket(source),
            target,
            group,
            watch,
            signal,
            ...(former !== undefined && { former: join(volume, generationFolder(former.id)) }),
        }),
    );
    await phases.run("prove", async (watch) => {
        const made = await readTree(target, watch, signal);
        if (made.objections.length > 0 || made.files !== copied.files || made.bytes !== copied.bytes) {
            throw new Error(
                `The copy holds ${plural(made.files, "file")} with ${made.bytes} bytes instead of ${copied.files} ` +
                    `with ${copied.bytes}: it is not used.`,
            );
        }
        // The marker must not reach the disk before the files do.
        await promisify(execFile)("sync", ["-f", volume]);
    });
    const report: MediaReport = { generation: id, ...copied, phases: phases.finished };
    await writeDurably(join(volume, generationMarker(id)), `${JSON.stringify(report, undefined, 2)}\n`);
    const vanished =
        copied.vanished === 0 ? "" : ` ${plural(copied.vanished, "file")} vanished from the source meanwhile.`;
    return (
        `Generation ${id} of the media is complete and proven: ${plural(copied.files, "file")}, ` +
        `${formatBytes(copied.bytes)}, ${copied.linked.toLocaleString("en-US")} of them unchanged and shared, ` +
        `in ${phases.total} s.${vanished}`
    );
}

function sentence(error: unknown, volume: string): string {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT" || /no space left on device|disk quota exceeded/.test(message)) {
        return `The media volume ${volume} is full: raise media.volume. The former generation stays in use.`;
    }
    return code === undefined ? message : `The media could not be copied (${message}).`;
}
