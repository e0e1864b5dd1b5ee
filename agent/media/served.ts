import { createHash } from "node:crypto";
import { constants } from "node:fs";
import type { MediaPlan } from "../../contract";
import { type Answer, type AnswerEnd, type Ask, answer } from "../../contract/served";
import { say } from "../attended";
import { Refusal } from "../refusal";
import { piecesIn } from "../transfer/frames";
import { unless } from "./after";
import { fileMode } from "./copy";
import type { Folders } from "./folders";
import { sourceName } from "./guards";
import { inParallel } from "./lanes";
import type { Known } from "./manifest";
import { display } from "./name";
import { machineId } from "./place";
import type { Source } from "./source";
import { Spool } from "./spool";
import type { FileEntry } from "./tree";

/** Files, and their bytes, of which the contents are asked for at a time. */
const batch = { files: 1_000, bytes: 64 * 2 ** 20 };

/** Bytes of a block that is left out of a file with holes, if nothing is in it. */
const block = 4096;
const nothing = Buffer.alloc(block);

/**
 * Production's media in a folder of another machine, whose agent answers. What is asked is written to standard output, a
 * line each; whoever waits for both agents carries it there.
 *
 * @param input the answers
 */
export function servedSource(input: AsyncIterable<Buffer>): (media: MediaPlan) => Source {
    const pieces = piecesIn(input);
    return (media) => sourceBehind(pieces, media);
}

function sourceBehind(pieces: AsyncGenerator<Buffer | { said: unknown }>, media: MediaPlan): Source {
    let published: string | undefined;
    const { sharing, source, volume } = media;
    const folder = typeof source === "object" && "folder" in source ? source.folder : "";

    return {
        async begin(patience) {
            ({ published } = await asked({ ask: "begin", patience, machine: await machineId(), volume }));
        },
        published: () => published,
        isOvertaken: async () => (await asked({ ask: "overtaken" })).overtaken === true,
        async read(each, object, signal) {
            await asked({ ask: "entries" }, async (part) => {
                signal.throwIfAborted();
                if (part.answer === "entries") {
                    await inParallel(part.entries, (entry) => each(entry), signal);
                } else if (part.answer === "objection") {
                    object(part);
                }
            });
        },
        async manifest() {
            const known = new Spool<Known>();
            const { there } = await asked({ ask: "manifest" }, (part) => {
                for (const file of part.answer === "known" ? part.files : []) {
                    known.add(file);
                }
            });
            if (there !== true) {
                known.close();
            }
            return there === true ? known : undefined;
        },
        async bring(lists, target, arrived, moved, signal) {
            for (const files of batches(lists)) {
                const waiting = new Map(files.map((file) => [file.path, file]));
                const arriving = new Arriving(target, sharing, moved);
                await asked(
                    { ask: "contents", paths: [...waiting.keys()] },
                    async (part) => {
                        signal.throwIfAborted();
                        const path = "path" in part ? part.path : arriving.path;
                        const file = waiting.get(path);
                        if (file === undefined) {
                            throw new Error(`${display(path)} arrives, which nobody has asked for.`);
                        }
                        if (part.answer === "file") {
                            await arriving.begin(file);
                        } else if (part.answer === "gone") {
                            arrived(file, undefined, false);
                        } else if (part.answer === "read" && (await arriving.end(part))) {
                            arrived(file, { size: part.size, mtime: part.mtime }, false);
                        }
                    },
                    (bytes) => arriving.take(bytes),
                ).finally(() => arriving.close());
            }
        },
        hasOwners: true,
        root: async () => (await asked({ ask: "root" })).root,
        close: () => say(JSON.stringify({ ask: "close" } satisfies Ask)),
    };

    /** Asks, and hands over what is answered. Returns its last part. */
    async function asked(
        question: Ask,
        take: (part: Answer) => unknown = () => undefined,
        content: (bytes: Buffer) => unknown = () => undefined,
    ): Promise<AnswerEnd> {
        await say(JSON.stringify(question));
        for (;;) {
            const next = await pieces.next();
            if (next.done === true) {
                throw new Error(`The connection to the media source ${sourceName(media)} ended: run again.`);
            }
            if (Buffer.isBuffer(next.value)) {
                await content(next.value);
                continue;
            }
            const part = answer.parse(next.value.said);
            if (part.answer === "refused" || part.answer === "failed") {
                const reason = part.reason.replace(`media source ${folder} `, `media source ${sourceName(media)} `);
                throw part.answer === "refused" ? new Refusal(reason) : new Error(reason);
            }
            if (part.answer === "end") {
                return part;
            }
            await take(part);
        }
    }
}

/** Files in parts that are asked for at a time. */
function* batches(lists: Iterable<FileEntry>[]): Generator<FileEntry[]> {
    let files: FileEntry[] = [];
    let bytes = 0;
    for (const list of lists) {
        for (const file of list) {
            files.push(file);
            bytes += file.size;
            if (files.length >= batch.files || bytes >= batch.bytes) {
                yield files;
                files = [];
                bytes = 0;
            }
        }
    }
    if (files.length > 0) {
        yield files;
    }
}

/** The file that arrives at present. */
class Arriving {
    path = "";
    private file: number | undefined;
    private hash = createHash("sha256");
    private position = 0;
    private hasHoles = false;

    constructor(
        private readonly target: Folders,
        private readonly sharing: MediaPlan["sharing"],
        private readonly moved: (bytes: number) => void,
    ) {}

    /** Begins a file, or begins it again. */
    async begin({ path, mode, size, disk }: FileEntry): Promise<void> {
        const { calls } = this.target;
        const again = path === this.path;
        const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
        const how = again ? constants.O_TRUNC : constants.O_EXCL;
        this.path = path;
        this.moved(-this.position);
        this.position = 0;
        this.hasHoles = disk < size;
        this.hash = createHash("sha256");
        const opening = unless(
            () => this.target.at(path, (full) => calls.open(full, flags | how, fileMode(mode, this.sharing))),
            (error) => {
                throw error.code === "EEXIST"
                    ? new Error(
                          `${display(path)} is there already: the volume takes it for another name of the media source.`,
                      )
                    : error;
            },
        );
        this.file = await opening;
    }

    async take(bytes: Buffer): Promise<void> {
        const { calls } = this.target;
        if (this.file === undefined) {
            throw new Error("Bytes arrive that are of no file.");
        }
        this.hash.update(bytes);
        if (this.hasHoles) {
            await this.writeAround(this.file, bytes);
        } else {
            await calls.write(this.file, bytes, 0, bytes.length, this.position);
        }
        this.position += bytes.length;
        this.moved(bytes.length);
    }

    /** Ends a file. False if it has to come again. */
    async end({ size, mtime, sha256, same }: Extract<Answer, { answer: "read" }>): Promise<boolean> {
        const { calls } = this.target;
        const { file } = this;
        if (file === undefined) {
            throw new Error("A file ends that has not begun.");
        }
        if (this.hash.digest("hex") !== sha256 || (same && this.position !== size)) {
            throw new Error(`${display(this.path)} of the media source has changed on its way: run again.`);
        }
        if (same) {
            await calls.truncate(file, size);
            await calls.futimes(file, mtime);
            this.position = 0;
        }
        await this.close();
        return same;
    }

    async close(): Promise<void> {
        const { file } = this;
        this.file = undefined;
        if (file !== undefined) {
            await this.target.calls.close(file);
        }
    }

    private async writeAround(file: number, bytes: Buffer): Promise<void> {
        for (let at = 0; at < bytes.length; at += block) {
            const end = Math.min(at + block, bytes.length);
            if (bytes.compare(nothing, 0, end - at, at, end) !== 0) {
                await this.target.calls.write(file, bytes, at, end, this.position + at);
            }
        }
    }
}
