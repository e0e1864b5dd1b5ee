/** Dumps that somebody else has made, by where they say they are. */
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import type { SourcePlan } from "../../contract/hosts";
import { Refusal } from "../refusal";
import { formatAge } from "../report";
import type { SentFile } from "./frames";

/** A dump of a database. */
export interface Dump {
    database: string;
    path: string;
    /** When it was written. */
    written: Date;
    /** What its name calls its time; empty if it does not. */
    stamp: string;
}

/** What `{stamp}` may stand for: a date, a time, or both, in any of the usual spellings. */
const stampText = String.raw`\d[\dTZ:_.+-]*`;

/** What a name may have behind a pattern. */
const packed = ["", ".gz", ".xz", ".zst", ".bz2"];

/** Milliseconds by which a clock and a file system's may differ. */
const slack = 5_000;

/**
 * Runs the command that makes dumps, and finds what it has made.
 *
 * @throws {Error} when it fails, or says that something went wrong, or does not name a fresh file for each database
 */
export async function made({ command = "", databases }: SourcePlan, signal: AbortSignal): Promise<Dump[]> {
    const begun = Date.now();
    const { status, output, errors } = await shell(command, databases, signal);
    const complaint = errors.split("\n").find((line) => /\b(error|fatal|failed)\b/i.test(line));
    if (status !== 0 || complaint !== undefined) {
        const why = (complaint ?? errors.trim().split("\n").at(-1)) || `it ended with status ${status}`;
        throw new Error(`The dump command failed (${why.trim()}): look at source.database.command.`);
    }
    const paths = output
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "")
        .slice(-databases.length);
    if (paths.length < databases.length || !paths.every(isAbsolute)) {
        throw new Error(
            `The dump command named ${paths.filter(isAbsolute).length} of ${databases.length} files: it has to print the ` +
                "absolute path of the file that it has made for each of its arguments, one a line.",
        );
    }
    return Promise.all(
        databases.map(async (database, at) => {
            const path = paths[at] ?? "";
            const dump = { database, path, stamp: "", written: await writtenAt(path) };
            if (dump.written.getTime() < begun - slack) {
                throw new Error(
                    `The dump command named ${path}, which is from ${dump.written.toISOString()}: it has to make a new one.`,
                );
            }
            return dump;
        }),
    );
}

/**
 * Finds the dumps that the plan asks for, one for each database.
 *
 * @throws {Refusal} when one is not there, or too old
 */
export async function found(plan: SourcePlan, now = Date.now()): Promise<Dump[]> {
    const { files = "", backup, databases, maximumAge } = plan;
    const dumps: Dump[] = [];
    for (const database of databases) {
        const all = await dumpsAt(files, database);
        const chosen = backup === "latest" ? all[0] : all.find(({ stamp }) => stamp === backup);
        if (chosen === undefined) {
            const where = files.replace("{database}", database);
            throw new Refusal(
                all.length === 0
                    ? `There is no dump of ${database} at ${where}: correct source.database.files, or look whether the dumps are made.`
                    : `There is no dump ${backup} of ${database} at ${where}; the newest are ${newest(all)}.`,
            );
        }
        const age = (now - chosen.written.getTime()) / 1000;
        if (age > maximumAge) {
            throw new Refusal(
                `The dump ${chosen.path} is ${formatAge(age)} old, and database.maximumAge is ${formatAge(maximumAge)}: ` +
                    "make a new one (database.backup: now), or allow an older one.",
            );
        }
        dumps.push(chosen);
    }
    return dumps;
}

function newest(dumps: Dump[]): string {
    return dumps
        .slice(0, 3)
        .map(({ stamp }) => stamp)
        .join(", ");
}

/** Dumps of exactly this database, the newest first. */
export async function dumpsAt(pattern: string, database: string): Promise<Dump[]> {
    const folder = dirname(pattern);
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
        throw new Refusal(`The folder ${folder} cannot be read (${error.code}): correct source.database.files.`);
    });
    const like = patternOf(basename(pattern), database);
    const dumps = names.flatMap((name) => {
        const match = like.exec(name);
        return match === null ? [] : [{ database, path: join(folder, name), stamp: match.groups?.stamp ?? "" }];
    });
    const dated = await Promise.all(dumps.map(async (dump) => ({ ...dump, written: await writtenAt(dump.path) })));
    return dated.sort((a, b) => b.written.getTime() - a.written.getTime());
}

/** What a file's name has to be: all of it counts, so that `shop` is never taken from `workshop`. */
export function patternOf(name: string, database: string): RegExp {
    const escaped = name.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&");
    const text = escaped.replace("{database}", database).replace("{stamp}", `(?<stamp>${stampText}?)`);
    return new RegExp(`^${text}(?:${packed.map((ending) => ending.replace(".", "\\.")).join("|")})$`);
}

async function writtenAt(path: string): Promise<Date> {
    const status = await stat(path).catch(() => undefined);
    if (status?.isFile() !== true || status.size === 0) {
        throw new Error(`${path} is not a file with a dump in it: look at the dump's own messages.`);
    }
    return status.mtime;
}

/** Dumps as they are sent. */
export interface SentDumps {
    /** Under which the backup is kept. */
    stamp: string;
    files: AsyncIterable<SentFile>;
}

/**
 * The dumps as files of one backup: those that production's side has published under their own stamp, each with its
 * manifest; others under the time at which the oldest was written. What they hold, their first bytes tell.
 */
export async function sentDumps(dumps: Dump[]): Promise<SentDumps> {
    const published = await Promise.all(dumps.map(({ path }) => publishedAs(path)));
    const [first] = published;
    if (first !== undefined && published.every((one) => one?.stamp === first.stamp)) {
        return { stamp: first.stamp, files: sentFiles(published.flatMap((one) => one?.paths ?? []).map(underOwnName)) };
    }
    const stamp = stampOf(dumps);
    const named = dumps.map(({ database, path }) => ({ name: `backup-${stamp}-${database}.dump`, path }));
    return { stamp, files: sentFiles(named) };
}

/** A published dump and its manifest; undefined if it has none. */
async function publishedAs(path: string): Promise<{ stamp: string; paths: string[] } | undefined> {
    const [, stem, stamp] = /^(backup-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)-.+)\.sql(\.\w+)?$/.exec(basename(path)) ?? [];
    const manifest = join(dirname(path), `${stem}.json`);
    const status = await stat(manifest).catch(() => undefined);
    return stamp === undefined || status?.isFile() !== true ? undefined : { stamp, paths: [path, manifest] };
}

function underOwnName(path: string) {
    return { name: basename(path), path };
}

async function* sentFiles(files: { name: string; path: string }[]): AsyncGenerator<SentFile> {
    for (const { name, path } of files) {
        yield {
            name: `hourly/${name}`,
            bytes: createReadStream(path, { highWaterMark: 1_048_576 }) as AsyncIterable<Buffer>,
        };
    }
}

/** When the oldest of them was made: what they hold is as old as that. */
function stampOf(dumps: Dump[]): string {
    const oldest = Math.min(...dumps.map(({ written }) => written.getTime()));
    return new Date(oldest).toISOString().replace(/\.\d+Z$/, "Z");
}

interface Ended {
    status: number | null;
    output: string;
    errors: string;
}

function shell(command: string, args: string[], signal: AbortSignal): Promise<Ended> {
    const child = spawn("sh", ["-c", `${command} "$@"`, "sh", ...args], { signal, stdio: ["ignore", "pipe", "pipe"] });
    const texts = { output: "", errors: "" };
    child.stdout.on("data", (chunk: Buffer) => {
        texts.output = (texts.output + chunk.toString()).slice(-65_536);
    });
    child.stderr.on("data", (chunk: Buffer) => {
        texts.errors = (texts.errors + chunk.toString()).slice(0, 65_536);
    });
    return new Promise((resolve, reject) => {
        child.on("error", reject);
        child.on("close", (status) => resolve({ status, ...texts }));
    });
}
