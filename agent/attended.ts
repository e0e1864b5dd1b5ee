/**
 * A run on a host that somebody waits for. It is told what to do on its standard input, secrets included, which are in
 * files of its own as long as it runs; and it ends when its input does, because then nobody waits any more.
 */
import { once } from "node:events";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Header, header } from "../contract/hosts";
import { Refusal } from "./refusal";

/** More than a plan with all of its SQL has. */
const longestHeader = 16 * 2 ** 20;

/** Bytes that may wait for whoever reads them. */
const ahead = 4 * 2 ** 20;

/** Milliseconds without a sign of life after which nobody is taken to be there. */
const silence = 60_000;

/** Folders of runs are called by their process. */
const runFolder = /^run-(\d+)$/;

/** What stands on standard input. */
export interface Attended {
    header: Header;
    /** What comes behind the header. */
    input: AsyncIterable<Buffer>;
}

/**
 * Reads the header, and goes into a folder of this run's own with its secrets. The folder goes when the process ends, and
 * what killed runs have left goes now.
 *
 * @param home folder of the stack on this host
 * @param lost is called when the input ends
 * @throws {Refusal} when what arrives is no header
 */
export async function attend(home: string, lost: () => void): Promise<Attended> {
    const input = new Input(process.stdin, lost);
    const told = parse(await input.line());
    sweep(home);
    const folder = join(home, `run-${process.pid}`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    process.chdir(folder);
    for (const [name, text] of Object.entries(told.secrets)) {
        await mkdir(dirname(name), { recursive: true, mode: 0o700 });
        await writeFile(name, text, { mode: 0o600 });
    }
    return { header: told, input: input.rest() };
}

function parse(line: string): Header {
    try {
        return header.parse(JSON.parse(line));
    } catch {
        throw new Refusal("What arrives on standard input is not the header of a run: this is started by understudy.");
    }
}

/** Removes the folders of runs that are no more. */
function sweep(home: string): void {
    const names = existsSync(home) ? readdirSync(home) : [];
    for (const name of names) {
        const [, process] = runFolder.exec(name) ?? [];
        if (process !== undefined && !existsSync(`/proc/${process}`)) {
            rmSync(join(home, name), { recursive: true, force: true });
        }
    }
}

/** Standard input, which is always read so that its end is seen, and waits while too much of it lies about. */
class Input {
    private pieces: Buffer[] = [];
    private size = 0;
    private ended = false;
    private wake = () => {};

    constructor(
        private readonly stream: NodeJS.ReadStream,
        lost: () => void,
    ) {
        stream.on("data", (chunk: Buffer) => {
            this.pieces.push(chunk);
            this.size += chunk.length;
            if (this.size > ahead) {
                stream.pause();
            }
            this.wake();
        });
        const end = () => {
            this.ended = true;
            this.wake();
            lost();
        };
        stream.once("end", end);
        stream.once("error", end);
    }

    /** The first line. */
    async line(): Promise<string> {
        let text = Buffer.alloc(0);
        for await (const piece of this.rest()) {
            text = Buffer.concat([text, piece]);
            const at = text.indexOf(10);
            if (at >= 0) {
                this.pieces.unshift(text.subarray(at + 1));
                return text.subarray(0, at).toString();
            }
            if (text.length > longestHeader) {
                break;
            }
        }
        return "";
    }

    /** All that comes from now on. */
    async *rest(): AsyncGenerator<Buffer> {
        for (;;) {
            const piece = this.pieces.shift();
            if (piece !== undefined) {
                this.size -= piece.length;
                this.stream.resume();
                yield piece;
            } else if (this.ended) {
                return;
            } else {
                await new Promise<void>((resolve) => {
                    this.wake = resolve;
                });
            }
        }
    }
}

/**
 * Waits until whoever attends says a line, or goes, or gives no sign of life for a while: a cut connection may stay silent
 * for hours.
 *
 * @returns whether it was a line
 */
export async function anyWord(input: AsyncIterable<Buffer>): Promise<boolean> {
    const pieces = input[Symbol.asyncIterator]();
    for (;;) {
        const late = new AbortController();
        const silent = sleep(silence, undefined, { signal: late.signal }).catch(() => undefined);
        const next = await Promise.race([pieces.next(), silent]);
        late.abort();
        if (next === undefined || next.done === true) {
            return false;
        }
        if (next.value.includes(10)) {
            return true;
        }
    }
}

/** Writes to standard output what must have arrived before the run goes on. */
export async function say(line: string): Promise<void> {
    if (!process.stdout.write(`${line}\n`)) {
        await once(process.stdout, "drain");
    }
}
