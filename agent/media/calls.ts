import * as fs from "node:fs";
import { promisify } from "node:util";
import type { Soon } from "./after";
import { unlessAbsent } from "./failure";
import { Pace } from "./pace";

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

/** Names that are read of a folder at a time. */
const some = 512;

/** Calls to one file system, at once or in threads as suits it. Paths are bytes. */
export class Calls extends Pace {
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

    /** Copies a file whole, with its permissions, in a thread. */
    copy(from: Buffer, to: Buffer): Promise<void> {
        return later.copyFile(from, to, fs.constants.COPYFILE_EXCL);
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
}

function identityOf({ dev, ino }: fs.BigIntStats): string {
    return `${dev}:${ino}`;
}
