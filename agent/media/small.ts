import {
    closeSync,
    constants,
    fstatSync,
    futimesSync,
    openSync,
    readSync,
    type Stats,
    unlinkSync,
    writeSync,
} from "node:fs";
import { type Arrived, isSame } from "./arrived";
import type { Calls } from "./calls";
import { onDisk } from "./tree";

/** Bytes up to which a file is small: it is read and written with one call each. */
export const smallSize = 65_536;

/** All small files pass through it, one after the other. */
const buffer = Buffer.allocUnsafeSlow(smallSize);

/** A place on a file system. */
interface End {
    path: Buffer;
    calls: Calls;
}

/**
 * Copies a small file without holes, where both file systems answer within microseconds: a promise for each of its nine calls
 * would take longer than the calls.
 *
 * @returns undefined if there is anything unusual about it; nothing is left of it then, and the patient way has the words for it
 */
export function copySmall(from: End, to: End, mode: number): Arrived | undefined {
    let source: number | undefined;
    let isMade = false;
    try {
        source = from.calls.together(1, () => openSync(from.path, readOnly));
        const before = from.calls.together(2, () => read(source as number));
        if (before === undefined) {
            return undefined;
        }
        to.calls.together(4, () => {
            const copy = openSync(to.path, writeNew, mode);
            isMade = true;
            write(copy, before);
        });
        const after = from.calls.together(1, () => fstatSync(source as number));
        if (isSame(before, after)) {
            return { size: after.size, mtime: after.mtimeMs, cloned: false };
        }
    } catch (error) {
        // What is wrong is found again; but a volume that has just broken may say then that the file is there already.
        if ((error as NodeJS.ErrnoException).code === "EROFS") {
            throw error;
        }
    } finally {
        if (source !== undefined) {
            closeSync(source);
        }
    }
    if (isMade) {
        unlinkSync(to.path);
    }
    return undefined;
}

const readOnly = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const writeNew = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

function read(source: number): Stats | undefined {
    const status = fstatSync(source);
    const { size } = status;
    const isSmall = status.isFile() && size <= smallSize && onDisk(status) === size;
    return isSmall && (size === 0 || readSync(source, buffer, 0, size, 0) === size) ? status : undefined;
}

function write(copy: number, { size, mtimeMs }: Stats): void {
    try {
        if (size > 0 && writeSync(copy, buffer, 0, size, 0) < size) {
            throw new Error("The file system has taken a part only.");
        }
        futimesSync(copy, mtimeMs / 1000, mtimeMs / 1000);
    } finally {
        closeSync(copy);
    }
}
