import * as fs from "node:fs";
import { promisify } from "node:util";
import type { Soon } from "./after";
import { unlessAbsent } from "./failure";

const later = {
    lstat: promisify(fs.lstat),
    open: promisify(fs.open),
    close: promisify(fs.close),
    fstat: promisify(fs.fstat),
    truncate: promisify(fs.ftruncate),
    futimes: promisify(fs.futimes),
    lutimes: promisify(fs.lutimes),
    chmod: promisify(fs.chmod),
    lchown: promisify(fs.lchown),
    link: promisify(fs.link),
    unlink: promisify(fs.unlink),
    rename: promisify(fs.rename),
    symlink: promisify(fs.symlink),
    mkdir: promisify(fs.mkdir),
    rmdir: promisify(fs.rmdir),
    access: promisify(fs.access),
    copyFile: promisify(fs.copyFile),
};

/** Milliseconds that a call may take on average and still be made at once: handing it to a thread costs about as much. */
const atOnce = 0.08;

/** Milliseconds after which whoever else waits for this thread gets his turn: progress, and a signal to stop. */
const turn = 10;

/**
 * What one call counts for in the average, and for how many milliseconds at most. On a busy machine some wait for the
 * processor, or until the disk has caught up: only many in a row say what the file system is like. A trial is the only one
 * for long, and counts for more.
 */
const longest = 0.25;
const weight = { usual: 1 / 64, trial: 1 / 4 };

/** How many calls go to threads before one is made at once again, to see whether it has become quick. */
const patience = 256;

/** Names that are read of a folder at a time. */
const some = 512;

/** Bytes up to which reading and writing may be a call made at once. */
const small = 131_072;

/**
 * Calls to one file system. Where it answers within microseconds they are made at once, which is several times quicker than
 * handing them to threads; where it does not, they go to threads, so that many can be under way.
 */
export class Calls {
    private average = 0;
    private handed = 0;

    lstat(path: Buffer): Soon<fs.Stats> {
        return this.make(
            () => fs.lstatSync(path),
            () => later.lstat(path),
        );
    }

    /** What is there, or undefined if nothing is. */
    find(path: Buffer): Soon<fs.Stats | undefined> {
        return this.make(
            () => fs.lstatSync(path, { throwIfNoEntry: false }),
            () => later.lstat(path).catch(unlessAbsent),
        );
    }

    /** Device and inode, exactly. */
    identity(path: Buffer): Soon<string> {
        return this.make(
            () => identityOf(fs.lstatSync(path, { bigint: true })),
            async () => identityOf(await fs.promises.lstat(path, { bigint: true })),
        );
    }

    async open(path: Buffer, flags: number, mode?: number): Promise<number> {
        return this.make(
            () => fs.openSync(path, flags, mode),
            () => later.open(path, flags, mode),
        );
    }

    close(file: number): Soon<void> {
        return this.make(
            () => fs.closeSync(file),
            () => later.close(file),
        );
    }

    fstat(file: number): Soon<fs.Stats> {
        return this.make(
            () => fs.fstatSync(file),
            () => later.fstat(file),
        );
    }

    /** Reads up to `length` bytes into the beginning of a buffer. */
    read(file: number, buffer: Buffer, length: number, position: number): Soon<number> {
        return this.make(
            () => fs.readSync(file, buffer, 0, length, position),
            () =>
                new Promise((resolve, reject) => {
                    fs.read(file, buffer, 0, length, position, (error, count) =>
                        error === null ? resolve(count) : reject(error),
                    );
                }),
            length,
        );
    }

    /** Writes all of a buffer's bytes between two places. */
    async write(file: number, buffer: Buffer, start: number, end: number, position: number): Promise<void> {
        for (let from = start; from < end; ) {
            const at = position + from - start;
            from += await this.make(
                () => fs.writeSync(file, buffer, from, end - from, at),
                () =>
                    new Promise<number>((resolve, reject) => {
                        fs.write(file, buffer, from, end - from, at, (error, count) =>
                            error === null ? resolve(count) : reject(error),
                        );
                    }),
                end - from,
            );
        }
    }

    truncate(file: number, size: number): Soon<void> {
        return this.make(
            () => fs.ftruncateSync(file, size),
            () => later.truncate(file, size),
        );
    }

    /** @param time milliseconds since 1970 */
    futimes(file: number, time: number): Soon<void> {
        return this.make(
            () => fs.futimesSync(file, time / 1000, time / 1000),
            () => later.futimes(file, time / 1000, time / 1000),
        );
    }

    /** @param time milliseconds since 1970 */
    lutimes(path: Buffer, time: number): Soon<void> {
        return this.make(
            () => fs.lutimesSync(path, time / 1000, time / 1000),
            () => later.lutimes(path, time / 1000, time / 1000),
        );
    }

    /** Follows a link: only for what was just made. */
    chmod(path: Buffer, mode: number): Soon<void> {
        return this.make(
            () => fs.chmodSync(path, mode),
            () => later.chmod(path, mode),
        );
    }

    chown(path: Buffer, user: number, group: number): Soon<void> {
        return this.make(
            () => fs.lchownSync(path, user, group),
            () => later.lchown(path, user, group),
        );
    }

    link(from: Buffer, to: Buffer): Soon<void> {
        return this.make(
            () => fs.linkSync(from, to),
            () => later.link(from, to),
        );
    }

    unlink(path: Buffer): Soon<void> {
        return this.make(
            () => fs.unlinkSync(path),
            () => later.unlink(path),
        );
    }

    rename(from: Buffer, to: Buffer): Soon<void> {
        return this.make(
            () => fs.renameSync(from, to),
            () => later.rename(from, to),
        );
    }

    symlink(target: Buffer, path: Buffer): Soon<void> {
        return this.make(
            () => fs.symlinkSync(target, path),
            () => later.symlink(target, path),
        );
    }

    /** What a link leads to, in Latin-1. */
    readlink(path: Buffer): Soon<string> {
        return this.make(
            () => fs.readlinkSync(path, "latin1"),
            () => fs.promises.readlink(path, "latin1"),
        );
    }

    async mkdir(path: Buffer, mode: number): Promise<void> {
        await this.make(
            () => fs.mkdirSync(path, mode),
            () => later.mkdir(path, mode),
        );
    }

    rmdir(path: Buffer): Soon<void> {
        return this.make(
            () => fs.rmdirSync(path),
            () => later.rmdir(path),
        );
    }

    /** Whether something may be read. */
    access(path: Buffer): Soon<void> {
        return this.make(
            () => fs.accessSync(path, fs.constants.R_OK),
            () => later.access(path, fs.constants.R_OK),
        );
    }

    /** Copies a file whole by sharing its blocks. */
    async clone(from: Buffer, to: Buffer): Promise<void> {
        const how = fs.constants.COPYFILE_FICLONE_FORCE | fs.constants.COPYFILE_EXCL;
        await this.make(
            () => fs.copyFileSync(from, to, how),
            () => later.copyFile(from, to, how),
        );
    }

    /** Names in a folder, in Latin-1, with their kind; some at a time, and never all of a large one. */
    async *list(path: Buffer): AsyncGenerator<fs.Dirent[]> {
        const options = { encoding: "latin1" as const, bufferSize: some };
        // Node's types know of no other encoding for names than for text.
        const name = path as unknown as string;
        const folder = await this.make(
            () => fs.opendirSync(name, options),
            () => fs.promises.opendir(name, options),
        );
        try {
            const entries: fs.Dirent[] = [];
            for (;;) {
                const next = this.make(
                    () => folder.readSync(),
                    () => folder.read(),
                );
                const entry = next instanceof Promise ? await next : next;
                if (entry !== null) {
                    entries.push(entry);
                }
                if (entry === null || entries.length === some) {
                    yield entries.splice(0);
                }
                if (entry === null) {
                    return;
                }
            }
        } finally {
            folder.closeSync();
        }
    }

    /** Whether calls are made at once at present. */
    get quick(): boolean {
        return this.near && !isTurnDue();
    }

    /** Whether the file system answers within microseconds. */
    get near(): boolean {
        return this.average <= atOnce;
    }

    /** Makes so many calls at once, for somebody who knows that they are quick. */
    together<T>(count: number, work: () => T): T {
        return this.measured(work, count * weight.usual, count);
    }

    private make<T>(now: () => T, thread: () => Promise<T>, bytes = 0): Soon<T> {
        if (bytes > small) {
            return thread();
        }
        const isSlow = !this.near;
        if (isSlow && ++this.handed % patience !== 0) {
            return thread();
        }
        const counts = isSlow ? weight.trial : weight.usual;
        // A trial counts wherever it comes: between calls in threads, a turn is always due.
        return isTurnDue() ? nextTurn().then(() => this.measured(now, counts)) : this.measured(now, counts);
    }

    /** @param counts what the time that the work takes counts for in the average */
    private measured<T>(work: () => T, counts: number, calls = 1): T {
        const start = performance.now();
        try {
            return work();
        } finally {
            const taken = Math.min((performance.now() - start) / calls, longest);
            this.average += (taken - this.average) * counts;
        }
    }
}

let turnBegan = performance.now();
let waiting: Promise<void> | undefined;

function isTurnDue(): boolean {
    return performance.now() - turnBegan > turn;
}

/** Lets everybody else have a turn. */
function nextTurn(): Promise<void> {
    waiting ??= new Promise((resolve) => {
        setImmediate(() => {
            turnBegan = performance.now();
            waiting = undefined;
            resolve();
        });
    });
    return waiting;
}

function identityOf({ dev, ino }: fs.BigIntStats): string {
    return `${dev}:${ino}`;
}
