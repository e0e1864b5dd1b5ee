import { createHash } from "node:crypto";
import { once } from "node:events";
import { constants, type Stats } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { type Answer, type AnswerEnd, type Ask, ask, type ServingPlan } from "../../contract/served";
import { Refusal } from "../refusal";
import { plural } from "../report";
import { framed, spoken } from "../transfer/frames";
import { unless } from "./after";
import { isSame } from "./arrived";
import { codeOf, unlessAbsent } from "./failure";
import { folderSource } from "./folder";
import { Folders } from "./folders";
import { refuseMissingSource } from "./guards";
import { display } from "./name";
import { identityOf, machineId, refuseReplica, refuseSameFolder } from "./place";
import type { Source } from "./source";
import type { Entry } from "./tree";

/** How often a file that changes while it is read is read again. */
const attempts = 5;

/** Bytes that are read of a file at a time. */
const piece = 1_048_576;

/** Entries, or files that are known, in one part of an answer. */
const some = 1_000;

/**
 * Answers, on standard output, what another agent asks about a folder, until it has no more questions. Nothing is written
 * on this machine.
 *
 * @param input the questions
 * @returns a sentence on what was sent
 */
export async function serveMedia(
    plan: ServingPlan,
    input: AsyncIterable<Buffer>,
    signal: AbortSignal,
): Promise<string> {
    const served = new Served(plan, signal);
    try {
        for await (const line of createInterface({ input: Readable.from(input, { objectMode: false }) })) {
            signal.throwIfAborted();
            const question = ask.parse(JSON.parse(line));
            if (question.ask === "close") {
                break;
            }
            await served.answer(question);
        }
        return `${plural(served.files, "file")} of ${plan.folder} were sent.`;
    } finally {
        await served.close();
    }
}

/** A folder that is asked about. */
class Served {
    /** Files whose contents were sent. */
    files = 0;
    private readonly tree: Folders;
    private source: Source;

    constructor(
        private readonly plan: ServingPlan,
        private readonly signal: AbortSignal,
    ) {
        this.tree = new Folders(plan.folder);
        this.source = folderSource(plan.folder, { ...plan, sharing: "copy" });
        // Whoever reads may be gone, which the end of the input tells.
        process.stdout.on("error", () => undefined);
    }

    async answer(question: Ask): Promise<void> {
        let last: Answer;
        try {
            last = { answer: "end", ...(await this.answered(question)) };
        } catch (error) {
            this.signal.throwIfAborted();
            const { message } = error as Error;
            last = { answer: error instanceof Refusal ? "refused" : "failed", reason: message };
        }
        await this.say(last);
    }

    async close(): Promise<void> {
        await Promise.all([this.tree.close(), this.source.close()]);
    }

    private async answered(question: Ask): Promise<Omit<AnswerEnd, "answer">> {
        switch (question.ask) {
            case "begin":
                return this.begin(question);
            case "entries":
                await this.tellEntries();
                return {};
            case "manifest":
                return { there: await this.tellManifest() };
            case "root": {
                const root = await this.source.root();
                return root === undefined ? {} : { root: { ...root, path: "" } };
            }
            case "overtaken":
                return { overtaken: await this.source.isOvertaken() };
            case "contents":
                for (const path of question.paths) {
                    await this.tellContent(path);
                }
                return {};
            case "close":
                return {};
        }
    }

    private async begin({ patience, machine, volume }: Extract<Ask, { ask: "begin" }>) {
        const { folder, sentinel } = this.plan;
        await refuseMissingSource(folder, sentinel);
        await refuseReplica(folder);
        // Of the same machine's containers, one may not see what another does.
        const isHere = machine === (await machineId()) && (await identityOf(volume).catch(unlessAbsent)) !== undefined;
        if (isHere) {
            await refuseSameFolder({ source: folder, volume });
            this.source = folderSource(folder, { ...this.plan, sharing: "copy", volume });
        }
        await this.source.begin(patience, this.signal);
        const published = this.source.published();
        return published === undefined ? {} : { published };
    }

    private async tellEntries(): Promise<void> {
        const waiting: Entry[] = [];
        const flush = () => this.say({ answer: "entries", entries: waiting.splice(0) });
        const objections: Promise<void>[] = [];
        await this.source.read(
            (entry) => {
                waiting.push(entry);
                return waiting.length < some ? undefined : flush();
            },
            (objection) => objections.push(this.say({ answer: "objection", ...objection })),
            this.signal,
        );
        await Promise.all([...objections, flush()]);
    }

    private async tellManifest(): Promise<boolean> {
        const known = await this.source.manifest();
        if (known === undefined) {
            return false;
        }
        try {
            let files = [];
            for (const file of known) {
                files.push(file);
                if (files.length === some) {
                    await this.say({ answer: "known", files });
                    files = [];
                }
            }
            await this.say({ answer: "known", files });
            return true;
        } finally {
            known.close();
        }
    }

    /** Sends what a file holds, again if it changes meanwhile. Not through a link that has taken the file's place. */
    private async tellContent(path: string): Promise<void> {
        const { calls } = this.tree;
        const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
        const opening = unless(() => this.tree.at(path, (full) => calls.open(full, flags)), unlessAbsent);
        const file = await Promise.resolve(opening).catch(unreadable(path));
        if (file === undefined) {
            await this.say({ answer: "gone", path });
            return;
        }
        try {
            let before = await calls.fstat(file);
            for (let attempt = 1; attempt <= attempts; attempt++) {
                const now = await this.tellOnce(path, file, before);
                if (isSame(before, now)) {
                    this.files += 1;
                    return;
                }
                before = now;
            }
        } finally {
            await calls.close(file);
        }
        throw new Error(
            `${display(path)} of the media source changed each of the ${attempts} times it was copied: ` +
                "run again when it is quieter.",
        );
    }

    private async tellOnce(path: string, file: number, before: Stats): Promise<Stats> {
        const { calls } = this.tree;
        if (!before.isFile()) {
            throw new Error(`${display(path)} of the media source became something else while it was copied.`);
        }
        await this.say({ answer: "file", path });
        const hash = createHash("sha256");
        for (let position = 0; position < before.size; ) {
            this.signal.throwIfAborted();
            const buffer = Buffer.allocUnsafe(Math.min(piece, before.size - position));
            const reading = unless(() => calls.read(file, buffer, buffer.length, position), unreadable(path));
            const length = await reading;
            if (length === 0) {
                break;
            }
            position += length;
            hash.update(buffer.subarray(0, length));
            await this.write(framed(buffer.subarray(0, length)));
        }
        const now = await calls.fstat(file);
        const { size, mtimeMs: mtime } = now;
        await this.say({ answer: "read", size, mtime, sha256: hash.digest("hex"), same: isSame(before, now) });
        return now;
    }

    private say(said: Answer): Promise<void> {
        return this.write(spoken(said));
    }

    private async write(frame: Buffer): Promise<void> {
        if (!process.stdout.write(frame)) {
            await once(process.stdout, "drain", { signal: this.signal });
        }
    }
}

function unreadable(path: string) {
    return (error: NodeJS.ErrnoException): never => {
        const code = codeOf(error);
        throw code === undefined ? error : new Error(`${display(path)} of the media source cannot be read (${code}).`);
    };
}
