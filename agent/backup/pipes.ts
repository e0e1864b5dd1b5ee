import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { constants, createWriteStream, openSync } from "node:fs";
import { mkdtemp, readFile } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addAbortSignal } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Backup } from "./catalogue";
import { sha256Of } from "./hash";
import { type Hashes, hashFiles } from "./manifest";
import type { Place } from "./place";
import { fill } from "./program";
import type { NamedFile } from "./store";

/** Small files that pg_restore may read more than once: the archive's contents, and lists of large objects. */
const lists = /^(toc\.dat|blobs(_\d+)?\.toc)$/;

/** Files that pg_restore reads once, from beginning to end: rows of a table, and large objects. */
const data = /^(blob_)?\d+\.dat(\.gz|\.lz4|\.zst)?$/;

/** Endings under which pg_restore looks for a file, in this order. */
const endings = ["", ".gz", ".lz4", ".zst"];

/** Milliseconds after which it is looked again whether somebody waits at a pipe. */
const interval = 5;

/** How many pipes are looked at each time besides those that are expected to be next. */
const others = 4;

/** Names that fit into one command. */
const atOnce = 2000;

/**
 * Waits for its input to end, which it does as well when the agent is killed, and removes the pipes. A pg_restore that
 * waits at one would wait forever: under another name nobody new finds them, and opening one for both ends wakes it.
 */
const removal =
    'trap "" INT TERM HUP; cat; mv "$0" "$0-gone" && for p in "$0-gone"/*.dat*; do : <>"$p"; done; rm -rf "$0-gone"';

/**
 * A folder that a bucket has, for pg_restore: small files are copied, and each of the others is a named pipe, which gets
 * the object's bytes when it is opened.
 *
 * @throws {Error} when an object cannot be read
 */
export async function openPipes(backup: Backup, signal: AbortSignal): Promise<Place> {
    const pipes = new Pipes(backup, await mkdtemp(join(tmpdir(), "understudy-pipes-")), signal);
    try {
        await pipes.make();
        return pipes;
    } catch (error) {
        await pipes.close();
        throw error;
    }
}

class Pipes implements Place {
    readonly signal: AbortSignal;
    private readonly stop = new AbortController();
    private readonly removing: Promise<unknown>;
    private readonly remove: () => void;
    private readonly files: NamedFile[];
    private readonly known: Hashes = new Map();
    /** Those that nobody has opened yet. */
    private readonly waiting = new Map<string, NamedFile>();
    /** What each pg_restore opens next, as far as it is known. */
    private readonly expected: string[][] = [];
    private readonly feeds: Promise<void>[] = [];
    private watching = Promise.resolve();

    constructor(
        private readonly backup: Backup,
        readonly path: string,
        signal: AbortSignal,
    ) {
        this.signal = AbortSignal.any([signal, this.stop.signal]);
        this.files = backup.folder ?? [];
        const remover = spawn("sh", ["-c", removal, path], {
            env: withoutSecrets(),
            stdio: ["pipe", "ignore", "ignore"],
        });
        this.removing = new Promise((resolve) => remover.once("close", resolve).once("error", resolve));
        this.remove = () => remover.stdin.end();
    }

    async make(): Promise<void> {
        for (const file of this.files.filter(({ name }) => lists.test(name))) {
            const copy = join(this.path, file.name);
            await pipeline(this.backup.open(file), createWriteStream(copy), { signal: this.signal });
            this.known.set(file.name, await sha256Of(copy));
        }
        const piped = this.files.filter(({ name }) => data.test(name));
        for (let at = 0; at < piped.length; at += atOnce) {
            const names = piped.slice(at, at + atOnce).map(({ name }) => name);
            await promisify(execFile)("mkfifo", names, {
                cwd: this.path,
                env: withoutSecrets(),
                signal: this.signal,
            }).catch(({ code }) => {
                throw new Error(`Named pipes cannot be made in ${this.path} (mkfifo: ${code})`);
            });
        }
        for (const file of piped) {
            this.waiting.set(file.name, file);
        }
        this.watching = this.watch().catch((error) => this.stop.abort(error));
    }

    async expect(entries: string[]): Promise<void> {
        const names = await Promise.all(entries.map((entry) => this.readFor(entry)));
        this.expected.push(names.flat());
    }

    async hashes(): Promise<Hashes> {
        this.waiting.clear();
        await Promise.all([this.watching, ...this.feeds]);
        this.signal.throwIfAborted();
        return hashFiles(this.backup, this.signal, this.known);
    }

    async close(): Promise<void> {
        this.stop.abort();
        await Promise.all([this.watching, ...this.feeds]);
        this.remove();
        await this.removing;
    }

    /** Names of the files that pg_restore reads for an entry. */
    private async readFor(entry: string): Promise<string[]> {
        const [, number, kind] = /^(\d+); \d+ \d+ (TABLE DATA|BLOBS) /.exec(entry) ?? [];
        switch (kind) {
            case "TABLE DATA":
                return [this.storedAs(`${number}.dat`)];
            case "BLOBS": {
                // Up to version 16, pg_dump has one list of all.
                const own = `blobs_${number}.toc`;
                const list = join(this.path, this.known.has(own) ? own : "blobs.toc");
                const lines = (await readFile(list, "latin1").catch(() => "")).split("\n");
                return lines.map((line) => this.storedAs(line.split(" ")[1] ?? ""));
            }
            default:
                return [];
        }
    }

    private storedAs(name: string): string {
        return endings.map((ending) => name + ending).find((one) => this.waiting.has(one)) ?? name;
    }

    /** Looks for those who wait at a pipe, until there is none that nobody has opened. */
    private async watch(): Promise<void> {
        let round = this.waiting.keys();
        while (this.waiting.size > 0 && !this.signal.aborted) {
            const next = this.expected.flatMap((names) => this.firstOf(names));
            // An archive may name other files than those that belong to its entries.
            for (let one = 0; one < others; one++) {
                const { done, value } = round.next();
                if (done === true) {
                    round = this.waiting.keys();
                } else {
                    next.push(value);
                }
            }
            for (const name of next) {
                this.look(name);
            }
            await sleep(interval);
        }
    }

    /** The first of some files that nobody has opened; those before it are removed from them. */
    private firstOf(names: string[]): string[] {
        while (names[0] !== undefined && !this.waiting.has(names[0])) {
            names.shift();
        }
        return names.slice(0, 1);
    }

    /** Feeds a pipe if somebody waits at it. */
    private look(name: string): void {
        const file = this.waiting.get(name);
        const end = file && openedByReader(join(this.path, name));
        if (end !== undefined) {
            this.waiting.delete(name);
            // Before the pipe is closed: what reads it has to be ended, as it would take the half for the whole.
            this.feeds.push(this.feed(file as NamedFile, end).catch((error) => this.stop.abort(error)));
        }
    }

    private async feed(file: NamedFile, end: number): Promise<void> {
        const pipe = addAbortSignal(this.signal, new Socket({ fd: end, readable: false }));
        const source = addAbortSignal(this.signal, this.backup.open(file));
        const hash = createHash("sha256");
        async function* hashed() {
            for await (const chunk of source) {
                hash.update(chunk as Buffer);
                yield chunk as Buffer;
            }
        }
        await fill(pipe, hashed());
        this.known.set(file.name, hash.digest("hex"));
    }
}

/** The store's credentials are in the agent's environment, for rclone alone. */
function withoutSecrets(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH };
}

/** Opens a pipe to write to it; nothing as long as nobody reads it. */
function openedByReader(path: string): number | undefined {
    try {
        return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENXIO") {
            return undefined;
        }
        throw error;
    }
}
