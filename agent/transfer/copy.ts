import { spawn } from "node:child_process";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type CopyPlan, copyPlan, generationFolder, type Plan } from "../../contract";
import type { CopySending } from "../../contract/hosts";
import { refuseIncompleteMedia } from "../media/volume";
import { inspectServer, readSecret } from "../postgres/server";
import { openTools, type Tools } from "../publish/tools";
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
    const { server, databases } = plan.database;
    const folders = foldersOf(plan);
    for (const { copies } of folders) {
        await refuseIncompleteMedia(copies);
    }
    const version = await serverVersion(plan);
    const password = server.passwordFile === undefined ? "" : await readSecret(server.passwordFile);
    const tools = await openTools(plan.database, password, signal);
    try {
        const files = async function* (): AsyncGenerator<SentFile> {
            yield { name: "version", bytes: [Buffer.from(version)] };
            for (const { name } of databases) {
                yield { name: `databases/${name}.sql.gz`, bytes: dumpOf(name, tools) };
            }
            for (const { name, copies } of folders) {
                yield { name: `files/${name}.tar`, bytes: archiveOf(copies, leaveOut[name] ?? [], signal) };
            }
        };
        const last = () => ({ word: "done" as const, stamp: plan.database.generation });
        await pipeline(Readable.from(framesOf(files(), last), { objectMode: false }), process.stdout, {
            signal,
            end: false,
        });
    } finally {
        await tools.close();
    }
    return `${plural(databases.length, "database")} and ${plural(folders.length, "folder")} were sent.`;
}

async function serverVersion(plan: Plan): Promise<string> {
    const { admin, close } = await inspectServer(plan, "survey");
    try {
        const { rows } = await admin.query<{ version: string }>("select current_setting('server_version') as version");
        return rows[0]?.version ?? "";
    } finally {
        await close();
    }
}

function foldersOf(plan: Plan): { name: string; copies: CopyPlan }[] {
    const media = copyPlan(plan);
    return [
        ...(media === undefined ? [] : [{ name: "media", copies: media }]),
        ...(plan.folders ?? []).map(({ name, media }) => ({ name, copies: { ...plan, media } })),
    ];
}

/** A dump without owners and rights, which are the replica's. */
async function* dumpOf(name: string, tools: Tools): AsyncGenerator<Buffer> {
    const packed = new PassThrough({ highWaterMark: 1_048_576 });
    const args = [...tools.connection, `--dbname=${name}`, "--no-owner", "--no-acl"];
    const ended = tools.run("pg_dump", args, async (output) => {
        const whole = async function* () {
            yield Buffer.from(`create database "${name}" template template0 encoding 'UTF8';\n\\connect "${name}"\n`);
            yield* output as AsyncIterable<Buffer>;
        };
        await pipeline(whole, createGzip(), packed);
    });
    // It is told to whoever reads; until then it must not end the process.
    ended.catch((error: Error) => packed.destroy(error));
    yield* packed as AsyncIterable<Buffer>;
    await ended;
}

async function* archiveOf({ media }: CopyPlan, leaveOut: string[], signal: AbortSignal): AsyncGenerator<Buffer> {
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
