import { type ChildProcess, execFile, spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import { Refusal } from "../refusal";

/** A program has failed. The message is what it said last, or that it could not be started. */
export class ProgramError extends Error {}

/**
 * Version of a program of the image.
 *
 * @throws {Refusal} when it is not there
 */
export async function versionOf(program: string): Promise<string> {
    const answer = await promisify(execFile)(program, ["--version"]).catch(() => undefined);
    // bzip2 writes it elsewhere.
    const version = answer && `${answer.stdout}${answer.stderr}`.match(/\d+(\.\d+)?/)?.[0];
    if (version === undefined) {
        throw new Refusal(
            `${program} is not there: run the agent in the official image of the server's major version.`,
        );
    }
    return version;
}

/**
 * What a program writes while it reads the input. It ends well only if the program and the input did: an exit status
 * of zero says that everything was read and was right.
 *
 * @param input given to the program, and read to its end even if the program has enough of it before
 * @throws {ProgramError} when the program fails
 */
export async function* outputOf(
    program: string,
    args: string[],
    { input, signal }: { input?: AsyncIterable<Buffer>; signal?: AbortSignal } = {},
): AsyncGenerator<Buffer> {
    const child = spawn(program, args, {
        stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
        env: { PATH: process.env.PATH, LC_ALL: "C" },
        killSignal: "SIGKILL",
        ...(signal && { signal }),
    });
    let errors = "";
    child.stderr?.on("data", (chunk: Buffer) => {
        errors = (errors + chunk.toString()).slice(-4000);
    });
    const ended = new Promise<ProgramError | undefined>((resolve) => {
        child.on("error", ({ message }) => resolve(new ProgramError(`${program} cannot be started (${message})`)));
        child.on("close", (status, killed) => {
            const said =
                lastLine(errors) || (killed === null ? `it ended with status ${status}` : `it was ended by ${killed}`);
            resolve(status === 0 ? undefined : new ProgramError(`${program} says: ${said}`));
        });
    });
    const feeding = input === undefined ? undefined : new Feed(child, input);
    try {
        for await (const chunk of child.stdout ?? []) {
            yield chunk as Buffer;
        }
        const problem = await ended;
        signal?.throwIfAborted();
        // An input that breaks looks like a short one to the program.
        feeding?.throwIfBroken();
        if (problem !== undefined) {
            throw problem;
        }
        await feeding?.end();
    } finally {
        feeding?.stop();
        child.kill("SIGKILL");
        await ended;
    }
}

/** Gives a stream to a program. */
class Feed {
    private readonly ended: Promise<void>;
    private stopped = false;
    private broken: { error: unknown } | undefined;

    constructor(child: ChildProcess, input: AsyncIterable<Buffer>) {
        this.ended = this.feed(child.stdin, input).catch((error: unknown) => {
            this.broken = { error };
            // It might do something else than fail.
            child.kill("SIGKILL");
        });
    }

    async end(): Promise<void> {
        await this.ended;
        this.throwIfBroken();
    }

    throwIfBroken(): void {
        if (this.broken !== undefined) {
            throw this.broken.error;
        }
    }

    stop(): void {
        this.stopped = true;
    }

    private async feed(stdin: ChildProcess["stdin"], input: AsyncIterable<Buffer>): Promise<void> {
        if (stdin !== null) {
            await fill(stdin, input, () => this.stopped);
        }
    }
}

/** Writes a stream into a pipe. It is read to its end even if nobody takes any more of it, unless that is stopped. */
export async function fill(pipe: Writable, input: AsyncIterable<Buffer>, stopped = () => false): Promise<void> {
    // A program that ends early breaks the pipe; its exit says why.
    pipe.on("error", () => undefined);
    const closed = new Promise((resolve) => pipe.once("close", resolve));
    try {
        for await (const chunk of input) {
            if (stopped()) {
                break;
            }
            if (!pipe.destroyed && !pipe.write(chunk)) {
                await Promise.race([new Promise((resolve) => pipe.once("drain", resolve)), closed]);
            }
        }
    } finally {
        pipe.end();
    }
}

/** The last line, without the name of the program and of the stream that it read. */
function lastLine(errors: string): string {
    const line = errors.trim().split("\n").at(-1) ?? "";
    return line.replace(/^(\w+: )?(error: |\/\*stdin\*\\ *: |\(stdin\): )?/, "").replace(/[.\s]+$/, "");
}
