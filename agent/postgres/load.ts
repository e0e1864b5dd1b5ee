import { createHash } from "node:crypto";
import { addAbortSignal } from "node:stream";
import { mayHold, type TableData } from "../backup/archive";
import type { Backup } from "../backup/catalogue";
import { DatabaseFrame, type Frame } from "../backup/frame";
import type { Hashes } from "../backup/manifest";
import type { Packing } from "../backup/packing";
import { DumpError } from "../backup/piece";
import { ProgramError } from "../backup/program";
import { isSeekable, SeekableArchive } from "../backup/seekable";
import { unpacked } from "../backup/unpack";
import { Refusal } from "../refusal";
import { plural, type Reading, type Watch } from "../report";
import { bundled } from "./bundle";
import { Connections, settingIn } from "./connections";
import { type Passage, pour } from "./pour";
import type { PsqlTarget } from "./psql";
import { TablesFrame } from "./reload/frame";
import { Tally } from "./tally";
import { followsTask, slow, type Task, taskOf } from "./task";
import { type Sink, taskWork, type Work } from "./work";

/** What a load needs. */
export interface Loading extends Pick<Passage, "cast" | "ensureRole" | "extensions" | "early"> {
    backup: Backup;
    packing: Packing;
    /** Tells which part of the dump is the database's. */
    frame: Frame;
    /** Tables that are there, as the dump writes their names: their rows and indexes alone are loaded. Everything if left out. */
    only?: ReadonlySet<string>;
    target: PsqlTarget;
    /** Connections at once. */
    jobs: number;
    watch: Watch;
    signal: AbortSignal;
}

/** What a load has found and done. */
export interface Loaded extends Pick<Passage, "tally" | "skipped" | "deferred"> {
    hashes: Hashes;
    /** What the reading has proven about the backup's files. */
    whole: string[];
}

/** A load under way. */
interface Run extends Loading {
    passage: Passage;
    connections: Connections;
    /** Bytes that were worked through, and all that there are if that is known. */
    progress: { of?: number; through: number };
}

/**
 * Loads a backup into a database: read, unpack, look through, psql. Nothing reaches the server unseen, and nothing is
 * unpacked to disk.
 *
 * @throws {Error} one sentence when the backup is damaged, is not what pg_dump writes, or the server takes exception
 * @throws {Refusal} when the dump is whole, but the database is not in it
 */
export async function load(loading: Loading): Promise<Loaded> {
    const { backup, packing, target, cast, only, jobs, watch } = loading;
    const passage: Passage = {
        cast,
        ensureRole: oneByOne(loading.ensureRole),
        extensions: loading.extensions,
        empty: new Set(only),
        tally: new Tally(),
        ...(loading.early !== undefined && { early: loading.early }),
        skipped: new Set(),
        deferred: [],
    };
    const { tally, skipped, deferred } = passage;
    const progress: Run["progress"] = { through: 0 };
    watch(() => readingOf(tally, progress));

    const connections = new Connections(target, jobs, (table) => tally.bytes.get(table) ?? 0);
    const stop = new AbortController();
    const signal = AbortSignal.any([loading.signal, stop.signal]);
    // A psql that builds an index would not notice that nobody writes to it any more.
    const kill = () => connections.kill();
    signal.addEventListener("abort", () => void kill(), { once: true });
    try {
        const run: Run = { ...loading, passage, connections, progress, signal };
        const hashes = await (isSeekable(backup, packing) ? loadTables(run) : loadStream(run));
        await connections.end();
        refuseUnfilled(tally);
        if (await backup.changed()) {
            throw new Error("It has changed while it was read: wait until it is written, then run again");
        }
        skipped.delete("");
        return { tally, skipped, deferred, hashes, whole: wholeness[packing] };
    } catch (error) {
        stop.abort();
        await kill();
        loading.signal.throwIfAborted();
        throw error instanceof Refusal ? error : new Error(sentence(backup, error));
    }
}

/** Loads what can only be read from its beginning to its end. */
async function loadStream({
    backup,
    packing,
    frame,
    only,
    passage,
    connections,
    progress,
    signal,
}: Run): Promise<Hashes> {
    const hash = createHash("sha256");
    progress.of = backup.bytes;
    async function* read() {
        for await (const chunk of addAbortSignal(signal, backup.open())) {
            hash.update(chunk as Buffer);
            progress.through += chunk.length;
            yield chunk as Buffer;
        }
    }
    const sql = unpacked(read(), packing as Exclude<Packing, "directory">, signal);
    await pour(sql, frameFor(only, frame), connections, passage);
    return new Map([[backup.name, hash.digest("hex")]]);
}

/**
 * Loads an archive that can be sought: the rows of several tables at once, and an index as soon as the rows of its table
 * are there, whatever takes longest first.
 */
async function loadTables({
    backup,
    packing,
    only,
    jobs,
    passage,
    connections,
    progress,
    signal,
}: Run): Promise<Hashes> {
    const { tally } = passage;
    const archive = await SeekableArchive.open(backup, signal);
    const loaded = new Set<string>();
    const bytesOf = (table: string) => tally.bytes.get(table) ?? 0;

    async function pourEntries(entries: string[], sink: Sink) {
        return pour(archive.sqlOf(entries), frameFor(only, new DatabaseFrame()), sink, passage);
    }

    /** Bytes of rows for each unit of weight, as far as they are loaded. */
    function bytesEach(): number {
        const bytes = [...loaded].reduce((sum, table) => sum + bytesOf(table), 0);
        return progress.through === 0 ? 1 : bytes / progress.through;
    }

    function rowsOf(bundle: TableData[]): Work {
        const weight = weightOf(bundle);
        let there = new Set<string>();
        return {
            cost: () => slow * weight * bytesEach(),
            ready: () => true,
            locks: { tables: [], alone: false },
            async do(connection) {
                // pg_restore finds them faster in the order in which they stand.
                const entries = bundle.toSorted((a, b) => a.position - b.position).map(({ entry }) => entry);
                const found = await pourEntries(entries, connection);
                refuseSwallowed(entries.length, found.copies);
                there = found.tables;
            },
            done() {
                for (const table of there) {
                    loaded.add(table);
                }
                progress.through += weight;
            },
        };
    }

    try {
        const { before, tables: all, indexes, after } = await archive.contents();
        const tables = only === undefined ? all : all.filter(({ entry }) => mayHold(entry, only));
        await pourEntries(before, connections);
        const kept = new Kept(connections);
        await pourEntries(indexes, kept);
        if (packing === "directory") {
            progress.of = weightOf(tables);
        }
        await connections.work([
            ...bundled(tables, jobs).map(rowsOf),
            ...kept.tasks.map((task) => taskWork(task, bytesOf, (table) => loaded.has(table))),
        ]);
        for (const { text, words } of kept.others) {
            await connections.statement(text, words);
        }
        await pourEntries(after, connections);
        return await archive.hashes();
    } finally {
        await archive.close();
    }
}

function frameFor(only: Loading["only"], frame: Frame): Pick<Frame, "takes" | "end"> {
    return only === undefined ? frame : new TablesFrame(frame, only);
}

/** Keeps tasks until the rows are there that they need. */
class Kept implements Sink {
    readonly tasks: Task[] = [];
    /** What came with them and is none. */
    readonly others: { text: Buffer; words: string[] }[] = [];

    constructor(private readonly connections: Connections) {}

    async statement(text: Buffer, words: string[]): Promise<void> {
        const task = taskOf(text, words);
        const last = this.tasks.at(-1);
        if (task !== undefined) {
            this.tasks.push(task);
        } else if (last !== undefined && followsTask(text, words)) {
            last.statements.push(text);
        } else if (settingIn(text, words) !== undefined) {
            await this.connections.statement(text, words);
        } else {
            this.others.push({ text, words });
        }
    }

    async rows(): Promise<void> {
        throw new DumpError("has rows where its indexes are");
    }

    settle(): Promise<void> {
        return this.connections.settle();
    }
}

/** A folder lists its large objects in a file that has no end: pg_restore takes the rest of them for empty. */
function refuseUnfilled({ largeObjects, filledLargeObjects }: Tally): void {
    if (filledLargeObjects !== largeObjects) {
        throw new DumpError(
            `makes ${plural(largeObjects, "large object")}, and holds the data of ${filledLargeObjects}`,
        );
    }
}

/**
 * A folder without compression has the rows of each table in a file that has no length. If one of text is cut, what pg_restore
 * writes next are rows of that table as well: the next table's statement, and its rows.
 */
function refuseSwallowed(listed: number, found: number): void {
    // Rows that came as INSERT statements have an end each.
    if (found > 0 && found < listed) {
        throw new DumpError(
            `ends in the middle of a table's rows: its list has ${plural(listed, "table")} where the rows of ${found} were found`,
        );
    }
}

/** What it proves that a backup was read to its end, by how it is packed. */
const wholeness: Record<Packing, string[]> = {
    none: [],
    gzip: ["the gzip stream is whole: its length and checksum fit"],
    xz: ["the xz stream is whole: xz has read it to its end"],
    zstd: ["the zstd stream is whole: zstd has read it to its end"],
    bzip2: ["the bzip2 stream is whole: bzip2 has read it to its end"],
    custom: ["the archive is whole: pg_restore has read all of its entries"],
    tar: ["the archive is whole: pg_restore has read all of its entries"],
    directory: ["the archive is whole: pg_restore has read all of its entries"],
};

function weightOf(tables: TableData[]): number {
    return tables.reduce((sum, { weight }) => sum + weight, 0);
}

/** The same work, but never twice at the same time. */
function oneByOne(ensureRole: Passage["ensureRole"]): Passage["ensureRole"] {
    let last = Promise.resolve();
    return (name, member) => {
        last = last.then(() => ensureRole(name, member));
        return last;
    };
}

function readingOf({ rows }: Tally, { of, through }: Run["progress"]): Reading {
    const count = [...rows.values()].reduce((sum, one) => sum + one, 0);
    return {
        // Nobody knows how many rows an INSERT brings.
        ...(count > 0 ? { done: count, unit: "row" } : { done: through, unit: "byte" }),
        ...(of !== undefined && { part: { of, through } }),
    };
}

function sentence({ name }: Backup, error: unknown): string {
    const again = "make a new backup, or set database.backup to another stamp";
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "Z_BUF_ERROR") {
        return `The backup ${name} ends in the middle: the gzip stream is truncated. If it is still being written, wait; else ${again}.`;
    }
    if (code?.startsWith("Z_") === true || error instanceof ProgramError) {
        return `The backup ${name} is damaged (${message}): ${again}.`;
    }
    if (error instanceof DumpError) {
        return `The backup ${name} ${message}: ${again}.`;
    }
    if (code === "EIO" || code === "ESTALE" || code === "EACCES" || code === "ENOENT") {
        return `The backup ${name} cannot be read (${code}): look at the store that is mounted.`;
    }
    return `The backup ${name} cannot be loaded. ${message}.`;
}
