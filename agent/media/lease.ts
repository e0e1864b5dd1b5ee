import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Refusal } from "../refusal";
import { log } from "../report";
import { codeOf, unlessAbsent } from "./failure";

/** File at the root of a media volume that names the run which changes it, and which that run keeps touching. */
export const leaseFile = ".understudy.run";

/** Milliseconds between two signs of life. */
const interval = 5_000;

/** Looks without a sign of life after which a run is taken for dead. Looks, not seconds: a disk may stand still for both. */
const patience = 12;

/** Who changes a volume. */
interface Owner {
    /** What is run, for people. */
    run: string;
    host: string;
    process: number;
    /** ISO time. */
    since: string;
}

/** What can be seen of a lease: equal ones are the same run's, without a sign of life in between. */
interface Look {
    text: string;
    touched: number;
}

/** A volume that no other run changes meanwhile. */
export interface VolumeLease {
    /** Aborted with the run, and when another one has taken this one for dead. */
    signal: AbortSignal;
    /** @throws {Error} when another run has taken the volume over */
    confirm(): Promise<void>;
}

/**
 * Does some work on a media volume while no other run changes it. Locks of file systems end at some servers' doors; a file
 * that is made by one alone, and touched by its owner, is the same everywhere.
 *
 * @param run what is run, for people
 * @param every milliseconds between two signs of life
 * @throws {Refusal} that names the run which is at the volume
 */
export async function withVolume<T>(
    volume: string,
    run: string,
    signal: AbortSignal,
    work: (lease: VolumeLease) => Promise<T>,
    every = interval,
): Promise<T> {
    const path = join(volume, leaseFile);
    const file = await take(volume, run, signal, every);
    // Not every file system's inodes stay the same.
    const own = await lookAt(path);
    const lost = new AbortController();
    const confirm = async () => {
        // A disk that does not answer has not been taken over.
        const found = await lookAt(path).catch(() => own);
        if (found?.text !== own?.text) {
            throw new Error(
                `Another run has taken over the media volume ${volume}, as this one gave no sign of life: run again when ` +
                    "that has ended.",
            );
        }
    };
    const touch = async () => {
        const now = new Date();
        await file.utimes(now, now).catch(() => undefined);
        await confirm().catch((error) => lost.abort(error));
    };
    const beat = setInterval(() => void touch(), every);
    try {
        return await work({ signal: AbortSignal.any([signal, lost.signal]), confirm });
    } catch (error) {
        throw lost.signal.aborted ? lost.signal.reason : error;
    } finally {
        clearInterval(beat);
        await file.close();
        // What cannot be removed is taken over by the next run; how this one ended matters more.
        await confirm()
            .then(() => rm(path, { force: true }))
            .catch(() => undefined);
    }
}

/** Makes the file, as soon as whoever made it before is known to be dead. */
async function take(volume: string, run: string, signal: AbortSignal, every: number): Promise<FileHandle> {
    const path = join(volume, leaseFile);
    for (;;) {
        const file = await make(volume, path);
        if (file !== undefined) {
            const owner: Owner = { run, host: hostname(), process: process.pid, since: new Date().toISOString() };
            // A volume that is full still takes an empty file, and the guards have more to say of that.
            await file.writeFile(JSON.stringify(owner)).catch(() => undefined);
            return file;
        }
        const dead = await awaitDeath(volume, path, signal, every);
        if (dead !== undefined) {
            log(`the media volume is taken over from ${nameOf(dead)}, which is no more`);
            await putAside(path, dead);
        }
    }
}

/** The file, if nobody else has made it. */
async function make(volume: string, path: string): Promise<FileHandle | undefined> {
    try {
        return await open(path, "wx", 0o644);
    } catch (error) {
        const code = codeOf(error as NodeJS.ErrnoException) ?? "";
        if (code === "EEXIST") {
            return undefined;
        }
        throw new Refusal(
            ["ENOSPC", "EDQUOT"].includes(code)
                ? `The media volume ${volume} is full: raise media.volume.`
                : `The media volume ${volume} cannot be written to (${code}, ${path}): look at its claim and its mount.`,
        );
    }
}

/**
 * Waits until a run is known to be dead.
 *
 * @returns how it was last seen; undefined if it has ended by itself
 * @throws {Refusal} when it gives a sign of life
 */
async function awaitDeath(volume: string, path: string, signal: AbortSignal, every: number): Promise<Look | undefined> {
    const first = await lookAt(path);
    if (first === undefined || isGone(ownerIn(first))) {
        return first;
    }
    log(`waiting whether ${nameOf(first)} is still at the media volume`);
    for (let look = 0; look < patience; look++) {
        await sleep(every, undefined, { signal }).catch(() => signal.throwIfAborted());
        const now = await lookAt(path);
        if (now === undefined) {
            return undefined;
        }
        if (!isSameLook(first, now)) {
            throw new Refusal(
                `Another run is at the media volume ${volume}: ${nameOf(now)}. Wait for its end, then run again.`,
            );
        }
    }
    return first;
}

/** By opening it: that alone makes a far file system look again. */
async function lookAt(path: string): Promise<Look | undefined> {
    const file = await open(path).catch(unlessAbsent);
    if (file === undefined) {
        return undefined;
    }
    try {
        const { mtimeMs } = await file.stat();
        return { text: await file.readFile("utf8"), touched: mtimeMs };
    } finally {
        await file.close();
    }
}

function isSameLook(one: Look, other: Look): boolean {
    return one.text === other.text && one.touched === other.touched;
}

/** Takes the file of a dead run away, unless somebody else has been faster: what that one has made is put back. */
async function putAside(path: string, dead: Look): Promise<void> {
    const aside = `${path}.${process.pid}`;
    await rename(path, aside).catch(unlessAbsent);
    const moved = await lookAt(aside);
    if (moved !== undefined && !isSameLook(moved, dead)) {
        await rename(aside, path);
    }
    await rm(aside, { force: true });
}

/** Whether a run was one of this pod, or machine, and its process is no more. */
function isGone(owner: Owner | undefined): boolean {
    if (owner?.host !== hostname()) {
        return false;
    }
    try {
        process.kill(owner.process, 0);
        return false;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === "ESRCH";
    }
}

function ownerIn({ text }: Look): Owner | undefined {
    try {
        return JSON.parse(text) as Owner;
    } catch {
        return undefined;
    }
}

function nameOf(look: Look): string {
    const owner = ownerIn(look);
    return owner === undefined
        ? "a run that does not say its name"
        : `understudy ${owner.run} on ${owner.host}, since ${owner.since.slice(11, 19)} UTC`;
}
