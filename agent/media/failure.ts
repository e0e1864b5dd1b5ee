import { constants } from "node:os";
import { display } from "./name";

/** An error of the file system. */
type Failure = NodeJS.ErrnoException;

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/**
 * The name of an error; undefined of what is none of the file system's. Of what only file servers and quotas fail with (ESTALE,
 * EDQUOT) Node knows nothing but the number.
 */
export function codeOf({ code, errno }: Failure): string | undefined {
    return errno === undefined ? code : (names.get(-errno) ?? code);
}

/**
 * Makes an error of the file system say what it is and where it was met, and passes it on: Node names the way by which a
 * folder was entered, or no path at all.
 *
 * @param path for people, its names in Latin-1
 */
export function met(error: Failure, path: string): never {
    const { errno, syscall, message, path: told, dest = told } = error as Failure & { dest?: string };
    if (errno !== undefined && (dest === undefined || dest.startsWith("/proc/self/fd/"))) {
        const code = codeOf(error);
        const reason = /^E[A-Z0-9]+: [^,]+/.exec(message)?.[0] ?? code;
        Object.assign(error, { code, path, dest: path, message: `${reason}, ${syscall} ${display(path)}` });
    }
    throw error;
}

/** Undefined for what is not there, and where a folder on the way is none; any other error is no answer. */
export function unlessAbsent(error: Failure): undefined {
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") {
        throw error;
    }
}
