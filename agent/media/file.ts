import { constants, type Stats } from "node:fs";
import { unless } from "./after";
import { type Arrived, isSame } from "./arrived";
import { Buffers } from "./buffers";
import { codeOf, unlessAbsent } from "./failure";
import type { Folders } from "./folders";
import { display, raw } from "./name";
import { onDisk } from "./tree";

/** How often a file that changes while it is copied is copied again. */
const attempts = 5;

/** Bytes of a block that is left out of a file with holes, if nothing is in it. */
const block = 4096;
const nothing = Buffer.alloc(block);

/** Pieces of one file that are under way at once, at most. */
const pieces = 16;

/** Bytes up to which a file is copied by one call: nothing is told of it before its end, and it cannot be interrupted. */
const whole = 8_388_608;

/** Errors of a file system that shares no blocks between these two files. */
const unshared = new Set(["EXDEV", "EOPNOTSUPP", "ENOTSUP", "EINVAL", "ENOSYS", "ENOTTY", "EPERM", "EBADF"]);

/** Between which trees files are copied, and how. */
export interface Copier {
    from: Folders;
    to: Folders;
    buffers: Buffers;
    /** Whether blocks may be shared; becomes false as soon as the file system does not. */
    cloning: boolean;
    /** Told of bytes as they arrive, and of those that arrived in vain. */
    moved: (bytes: number) => void;
    signal: AbortSignal;
}

/**
 * Copies one file, again if it changes meanwhile.
 *
 * @param mode permissions of the copy
 * @param wide pieces of work that may be under way at once
 * @returns what was copied, or undefined if the file is no longer there
 */
export async function copyFile(path: string, mode: number, copier: Copier, wide: number): Promise<Arrived | undefined> {
    const { from, to } = copier;
    // Not through a link that has taken the file's place: it could lead anywhere.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const source = await unless(() => from.at(path, (full) => from.calls.open(full, flags)), ofSource(path));
    if (source === undefined) {
        return undefined;
    }
    try {
        return await to.at(path, (target) => copyOpen(path, source, target, mode, copier, wide));
    } finally {
        await from.calls.close(source);
    }
}

async function copyOpen(
    path: string,
    source: number,
    target: Buffer,
    mode: number,
    copier: Copier,
    wide: number,
): Promise<Arrived> {
    const { from, to, moved } = copier;
    const look = async () => unless(() => from.calls.fstat(source), unreadable(path));
    let before = await look();
    for (let attempt = 1; attempt <= attempts; attempt++) {
        if (!before.isFile()) {
            throw new Error(`${display(path)} of the media source became something else while it was copied.`);
        }
        const cloned = await cloneOpen(source, target, copier);
        if (cloned) {
            await to.calls.lutimes(target, before.mtimeMs);
            moved(before.size);
        } else if (!(await copyWhole(source, target, mode, before, copier))) {
            await fill(path, source, target, mode, before, copier, wide);
        }
        const now = await look();
        if (isSame(before, now)) {
            return { size: now.size, mtime: now.mtimeMs, cloned };
        }
        moved(-before.size);
        before = now;
        await to.calls.unlink(target);
    }
    throw new Error(
        `${display(path)} of the media source changed each of the ${attempts} times it was copied: ` +
            "run again when it is quieter.",
    );
}

/** Shares the blocks of an open file with a new one, where that can be done. */
async function cloneOpen(source: number, target: Buffer, copier: Copier): Promise<boolean> {
    if (!copier.cloning) {
        return false;
    }
    try {
        await copier.to.calls.clone(openFile(source), target);
        return true;
    } catch (error) {
        if (!isUnshared(error)) {
            throw error;
        }
        copier.cloning = false;
        return false;
    }
}

/** Whether a file system has said that it does not share blocks. */
export function isUnshared(error: unknown): boolean {
    return unshared.has((error as NodeJS.ErrnoException).code ?? "");
}

/**
 * Copies an open file by a single call, inside the kernel where it can: where both file systems answer within microseconds,
 * a call for every piece would take longer than the pieces.
 *
 * @returns false if it is not one for that, or something is wrong: the other way has the words for it
 */
async function copyWhole(
    source: number,
    target: Buffer,
    mode: number,
    status: Stats,
    { from, to, moved }: Copier,
): Promise<boolean> {
    const { size, mtimeMs } = status;
    if (size > whole || onDisk(status) < size || !from.calls.near || !to.calls.near) {
        return false;
    }
    try {
        await to.calls.copy(openFile(source), target);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
            await unless(() => to.calls.unlink(target), unlessAbsent);
        }
        return false;
    }
    if ((status.mode & 0o7777) !== mode) {
        await to.calls.chmod(target, mode);
    }
    await to.calls.lutimes(target, mtimeMs);
    moved(size);
    return true;
}

/** A path to an open file, whatever its name leads to now. */
function openFile(file: number): Buffer {
    return raw(`/proc/self/fd/${file}`);
}

/** Writes a new file with an open one's content, several pieces at once; what are holes stays holes. */
async function fill(
    path: string,
    source: number,
    target: Buffer,
    mode: number,
    { size, blocks, mtimeMs }: Stats,
    { from, to, buffers, moved, signal }: Copier,
    wide: number,
): Promise<void> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const copy = await to.calls.open(target, flags, mode).catch(ofTarget(path));
    const holes = onDisk({ blocks, size } as Stats) < size;
    const length = Buffers.lengthFor(size);
    let next = 0;
    try {
        await inLanes(Math.min(Math.ceil(size / length), wide, pieces), lane);
        if (holes) {
            await to.calls.truncate(copy, size);
        }
        await to.calls.futimes(copy, mtimeMs);
    } finally {
        await to.calls.close(copy);
    }

    async function lane() {
        const buffer = await buffers.take(length);
        try {
            while (next < size) {
                signal.throwIfAborted();
                const position = next;
                next += length;
                const count = await readAll(buffer, position, Math.min(length, size - position));
                await (holes ? writeAround(buffer, count, position) : to.calls.write(copy, buffer, 0, count, position));
                moved(count);
            }
        } finally {
            buffers.give(buffer);
        }
    }

    async function readAll(buffer: Buffer, position: number, wanted: number): Promise<number> {
        let count = 0;
        while (count < wanted) {
            const part = count === 0 ? buffer : buffer.subarray(count);
            const got = await unless(
                () => from.calls.read(source, part, wanted - count, position + count),
                unreadable(path),
            );
            if (got === 0) {
                break;
            }
            count += got;
        }
        return count;
    }

    async function writeAround(buffer: Buffer, count: number, position: number): Promise<void> {
        let begin = 0;
        for (let at = 0; at < count; at += block) {
            const end = Math.min(at + block, count);
            if (buffer.compare(nothing, 0, end - at, at, end) === 0) {
                await to.calls.write(copy, buffer, begin, at, position + begin);
                begin = end;
            }
        }
        await to.calls.write(copy, buffer, begin, count, position + begin);
    }
}

/** Runs so many at once; all have ended before an error is told. */
async function inLanes(count: number, lane: () => Promise<void>): Promise<void> {
    if (count <= 1) {
        return count === 1 ? lane() : undefined;
    }
    const ended = await Promise.allSettled(Array.from({ length: count }, lane));
    const broken = ended.find((one) => one.status === "rejected");
    if (broken !== undefined) {
        throw broken.reason;
    }
}

function ofSource(path: string) {
    return (error: NodeJS.ErrnoException): undefined => {
        if (error.code === "ELOOP" || error.code === "ENOTDIR") {
            throw new Error(`${display(path)} of the media source became something else while it was copied.`);
        }
        if (error.code !== "ENOENT") {
            unreadable(path)(error);
        }
    };
}

/** Without the error's code: it is not the volume's, which would be full, or could not be written to. */
function unreadable(path: string) {
    return (error: NodeJS.ErrnoException): never => {
        const code = codeOf(error);
        throw code === undefined ? error : new Error(`${display(path)} of the media source cannot be read (${code}).`);
    };
}

function ofTarget(path: string) {
    return (error: NodeJS.ErrnoException): never => {
        throw error.code === "EEXIST"
            ? new Error(`${display(path)} is there already: the volume takes it for another name of the media source.`)
            : error;
    };
}
