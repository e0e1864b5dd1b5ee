import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identity, isAlive, type ProcessIdentity } from "./process";

/**
 * Does a piece of work while holding a lock file, so that no two processes of this machine do it at the same time. The lock
 * of a process that is gone does not count.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
    mkdirSync(dirname(file), { recursive: true });
    while (!acquire(file)) {
        breakAbandoned(file);
        await sleep(100);
    }
    try {
        return await work();
    } finally {
        rmSync(file, { force: true });
    }
}

/** A link appears with its content or not at all, which an exclusively created file would not. */
function acquire(file: string): boolean {
    const own = `${file}.${process.pid}`;
    writeFileSync(own, JSON.stringify(identity(process.pid)));
    try {
        linkSync(own, file);
        return true;
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") {
            return false;
        }
        throw error;
    } finally {
        rmSync(own, { force: true });
    }
}

/** Removes the lock if its owner is gone. Whoever else came first and took it over gets back what was moved away here. */
function breakAbandoned(file: string): void {
    const owner = ownerOf(file);
    if (owner === undefined || isAlive(owner)) {
        return;
    }
    const aside = `${file}.${process.pid}.abandoned`;
    try {
        renameSync(file, aside);
        const moved = ownerOf(aside);
        if (moved !== undefined && isAlive(moved)) {
            linkSync(aside, file);
        }
    } catch {
        // Another process was faster; the next attempt tells.
    } finally {
        rmSync(aside, { force: true });
    }
}

function ownerOf(file: string): ProcessIdentity | undefined {
    try {
        return JSON.parse(readFileSync(file, "utf8")) as ProcessIdentity;
    } catch {
        return undefined;
    }
}
