import { spawn } from "node:child_process";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { copyPlan, generationFolder, type MediaCopy } from "../../contract";
import type { CopySending } from "../../contract/hosts";
import type { ReplicaPlan } from "../../contract/mysql";
import { engineOf } from "../engine";
import { refuseIncompleteMedia } from "../media/volume";
import { plural } from "../report";
import { framesOf, type SentFile } from "./frames";

/** How tar ends where a file was changed while it was read: the application is at work. */
const changed = 1;

/**
 * Writes the live copy to standard output, as `frames.ts` has it: each database as a dump that makes it anew for whoever
 * loads it, each folder as an archive.
 *
 * @returns a sentence on what was sent
 * @throws {Refusal} when there is no such copy
 */
export async function sendCopy({ plan, leaveOut }: CopySending, signal: AbortSignal): Promise<string> {
    const { databases, generation } = plan.database;
    const folders = foldersOf(plan);
    for (const { copies } of folders) {
        await refuseIncompleteMedia(copies);
    }
    const live = await engineOf(plan).live(signal);
    try {
        const files = async function* (): AsyncGenerator<SentFile> {
            yield { name: "version", bytes: [Buffer.from(live.version)] };
            for (const { name } of databases) {
                yield { name: `databases/${name}.sql.gz`, bytes: live.dump(name) };
            }
            for (const { name, copies } of folders) {
                yield { name: `files/${name}.tar`, bytes: archiveOf(copies, leaveOut[name] ?? [], signal) };
            }
        };
        const last = () => ({ word: "done" as const, stamp: generation });
        await pipeline(Readable.from(framesOf(files(), last), { objectMode: false }), process.stdout, {
            signal,
            end: false,
        });
    } finally {
        await live.close();
    }
    return `${plural(databases.length, "database")} and ${plural(folders.length, "folder")} were sent.`;
}

function foldersOf(plan: ReplicaPlan): { name: string; copies: MediaCopy }[] {
    const media = copyPlan(plan);
    return [
        ...(media === undefined ? [] : [{ name: "media", copies: media }]),
        ...(plan.folders ?? []).map(({ name, media }) => ({ name, copies: { ...plan, media } })),
    ];
}

async function* archiveOf({ media }: MediaCopy, leaveOut: string[], signal: AbortSignal): AsyncGenerator<Buffer> {
    const folder = join(media.volume, generationFolder(media.generation));
    const left = leaveOut.map((path) => `--exclude=./${path}`);
    const options = ["--create", "--file=-", `--directory=${folder}`, "--anchored", "--no-wildcards", ...left, "."];
    const child = spawn("tar", options, { signal, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-4096);
    });
    const ended = new Promise<number | null>((resolve, reject) => {
        child.on("error", reject);
        child.on("close", resolve);
    });
    ended.catch(() => undefined);
    yield* child.stdout as AsyncIterable<Buffer>;
    const status = await ended;
    if (status !== 0 && status !== changed) {
        throw new Error(`${folder} cannot be packed (${said.trim().split("\n").at(-1)}).`);
    }
}
