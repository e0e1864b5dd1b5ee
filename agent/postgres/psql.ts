import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { versionOf } from "../backup/program";
import { Refusal } from "../refusal";

/** Where psql connects to. */
export interface PsqlTarget {
    host: string;
    port: number;
    user: string;
    password: string;
    database: string;
    applicationName: string;
}

/** First minor version of each major one that knows `\restrict`; later majors know it from their beginning. */
const restricting: Record<number, number> = { 13: 22, 14: 19, 15: 14, 16: 10, 17: 6 };

/** No statement has to wait for the disk: the word that the copy is proven does, and with it all that was before. */
const sessionSettings = "-c synchronous_commit=off";

/** Statements are handed over in pieces of about this many bytes; what comes in larger ones, as rows do, is not copied. */
const pieceSize = 32_768;

/** Length of the word that tells how far psql is, with its newline. */
const wordLength = 33;

/** Bytes that may wait for psql, so that it never waits for the agent. */
const ahead = 1_048_576;

/**
 * Refuses a psql that would obey commands hidden in a dump, or that is older than the server.
 *
 * @throws {Refusal} when psql is not there or does not fit
 */
export async function refuseUnfitPsql(serverMajor: number): Promise<void> {
    const version = await versionOf("psql");
    const problem = unfitness(version, serverMajor);
    if (problem !== undefined) {
        throw new Refusal(problem);
    }
}

/** Why a psql of this version must not load a dump into this server, if it must not. */
export function unfitness(version: string, serverMajor: number): string | undefined {
    const [major = 0, minor = 0] = version.split(".").map(Number);
    const needed = restricting[major];
    if (major < serverMajor) {
        return `psql ${version} is older than the server, ${serverMajor}: use the image of the server's major version.`;
    }
    if (major < 13 || (needed !== undefined && minor < needed)) {
        const least = needed === undefined ? "15.14" : `${major}.${needed}`;
        return (
            `psql ${version} obeys commands that hide in a dump (CVE-2025-8714): ` +
            `use an image with psql ${least} or later.`
        );
    }
    return undefined;
}

/**
 * A psql that reads SQL from the agent. It stops at the first error, obeys no commands, and its password is in no
 * argument.
 */
export class Psql {
    private readonly child: ChildProcessWithoutNullStreams;
    private readonly exited: Promise<string | undefined>;
    private pending: Buffer[] = [];
    private size = 0;
    /** Bytes that psql has not taken yet, and what waits for it to take some. */
    private underway = 0;
    private taken: (() => void) | undefined;
    private errors = "";
    /** The last that it has printed, what takes all that comes before, and what waits for a word of it. */
    private printed: Buffer = Buffer.alloc(0);
    private take: ((bytes: Buffer) => void) | undefined;
    private heard: (() => void) | undefined;
    /** How it ended: undefined as long as it runs. */
    private ended = false;

    /** @param beginning SQL that it runs first */
    constructor({ host, port, user, password, database, applicationName }: PsqlTarget, beginning: Buffer[] = []) {
        // Terse: what follows an error's first line quotes rows.
        const settings = ["ON_ERROR_STOP=1", "VERBOSITY=terse", "SHOW_CONTEXT=never"];
        const to = [`--host=${host}`, `--port=${port}`, `--username=${user}`, `--dbname=${database}`, "--no-password"];
        this.child = spawn("psql", ["-X", "-q", "-A", "-t", ...settings.map((setting) => `--set=${setting}`), ...to], {
            env: {
                PATH: process.env.PATH,
                LC_ALL: "C",
                PGPASSWORD: password,
                PGAPPNAME: applicationName,
                PGOPTIONS: sessionSettings,
            },
        });
        this.child.stdout.on("data", (chunk: Buffer) => {
            const long = chunk.length >= wordLength;
            if (long) {
                this.take?.(this.printed);
            }
            const printed = long ? chunk : Buffer.concat([this.printed, chunk]);
            const before = Math.max(0, printed.length - wordLength);
            this.take?.(printed.subarray(0, before));
            this.printed = printed.subarray(before);
            this.heard?.();
        });
        this.child.stderr.on("data", (chunk: Buffer) => {
            this.errors = (this.errors + chunk.toString()).slice(-20_000);
        });
        // A psql that ends early breaks the pipe; its exit says why.
        this.child.stdin.on("error", () => undefined);
        this.exited = new Promise((resolve) => {
            this.child.on("error", (error) => resolve(`psql cannot be started (${error.message})`));
            this.child.on("close", (code, signal) => {
                resolve(code === 0 ? undefined : problemIn(this.errors, code, signal));
            });
        });
        void this.exited.then(() => {
            this.ended = true;
        });
        this.pending.push(Buffer.from(`\\restrict ${randomBytes(24).toString("hex")}\n`), ...beginning);
    }

    /**
     * Hands over bytes, and waits while psql has enough of them.
     *
     * @throws {Error} with the server's message, once psql has ended
     */
    async write(bytes: Buffer): Promise<void> {
        this.pending.push(bytes);
        this.size += bytes.length;
        if (this.size >= pieceSize) {
            await this.flush();
        }
    }

    /**
     * Waits until the server has done everything that was handed over so far.
     *
     * @throws {Error} with the server's message if it failed
     */
    async settle(): Promise<void> {
        const word = randomBytes(16).toString("hex");
        await this.write(Buffer.from(`\nselect '${word}';\n`));
        await this.flush();
        while (!this.ended && this.printed.toString("latin1") !== `${word}\n`) {
            await Promise.race([new Promise<void>((resolve) => (this.heard = resolve)), this.exited]);
        }
        if (this.ended) {
            throw new Error((await this.exited) ?? "psql ended before the dump did");
        }
    }

    /**
     * Hands over what a statement prints, as it comes. Nothing else may be under way.
     *
     * @throws {Error} with the server's message if it failed
     */
    async read(statement: string, take: (bytes: Buffer) => void): Promise<void> {
        this.printed = Buffer.alloc(0);
        this.take = take;
        await this.write(Buffer.from(`\n${statement};`));
        await this.settle();
        this.take = undefined;
    }

    /**
     * Waits until psql has done everything, and ends it.
     *
     * @throws {Error} with the server's message if it failed
     */
    async end(): Promise<void> {
        await this.flush();
        this.child.stdin.end();
        const problem = await this.exited;
        if (problem !== undefined) {
            throw new Error(problem);
        }
    }

    /** Ends psql at once. */
    async kill(): Promise<void> {
        this.child.kill("SIGKILL");
        await this.exited;
    }

    private async flush(): Promise<void> {
        const { pending, size } = this;
        this.pending = [];
        this.size = 0;
        if (!this.ended) {
            this.underway += size;
            // One large piece, as rows are, needs no copy.
            this.child.stdin.write(pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending), () => {
                this.underway -= size;
                this.taken?.();
            });
        }
        while (!this.ended && this.underway > ahead) {
            await Promise.race([new Promise<void>((resolve) => (this.taken = resolve)), this.exited]);
        }
        if (this.ended) {
            throw new Error((await this.exited) ?? "psql ended before the dump did");
        }
    }
}

/** Status with which psql ends when the server has gone. */
const lostConnection = 2;

/** The first error without its line number, and without the values that it may quote. */
function problemIn(errors: string, code: number | null, signal: string | null): string {
    const [, message] = /(?:ERROR|FATAL|PANIC|error): +([\s\S]*?)(?=\npsql:|\nserver closed|\s*$)/.exec(errors) ?? [];
    if (message !== undefined) {
        return `PostgreSQL says: ${withoutValues(message)}`;
    }
    if (code === lostConnection) {
        return "psql has lost its connection to the server";
    }
    const restricted = /backslash commands are restricted/.test(errors)
        ? "by a command in the dump, which it refused"
        : "";
    return `psql was ended ${restricted || (signal === null ? `with status ${code}` : `by ${signal}`)}`;
}

/** Leaves out what a message quotes from a row: `invalid input syntax for type date: "…"`. */
export function withoutValues(message: string): string {
    return message
        .replace(/(: |value |line: )"[\s\S]*"/, '$1"…"')
        .replaceAll(/\s+/g, " ")
        .trim();
}
