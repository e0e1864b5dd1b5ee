import { createHash } from "node:crypto";
import { addAbortSignal } from "node:stream";
import type { Connection } from "mysql2/promise";
import type { Backup } from "../backup/catalogue";
import type { Compression } from "../backup/packing";
import { DumpError } from "../backup/piece";
import { ProgramError } from "../backup/program";
import { unpacked } from "../backup/unpack";
import type { Reading, Watch } from "../report";
import type { Visitor } from "./connect";
import { loadSession, Pour, type Tally } from "./pour";
import { type MysqlServer, withConnection } from "./server";

/** What a load needs. */
export interface MysqlLoading {
    backup: Backup;
    packing: Compression;
    server: MysqlServer;
    /** Who loads, and what. */
    visitor: Visitor;
    /** What the database is called in production. */
    production: string;
    /** Connections at once. */
    jobs: number;
    watch: Watch;
    signal: AbortSignal;
}

/** What a load has found. */
export interface MysqlLoaded {
    tally: Tally;
    /** SHA-256 of the backup's file. */
    sha256: string;
    /** What the reading has proven about it. */
    whole: string[];
}

/**
 * Loads a backup into a database: read, unpack, look through, send. Nothing reaches the server unseen, nothing is unpacked
 * to disk, and memory does not grow with the dump.
 *
 * @throws {Error} one sentence when the backup is damaged, is not what mysqldump writes, or the server takes exception
 */
export async function load(loading: MysqlLoading): Promise<MysqlLoaded> {
    const { backup, server, visitor, jobs } = loading;
    const stop = new AbortController();
    const signal = AbortSignal.any([loading.signal, stop.signal]);
    return withLanes(server, { ...visitor, raw: true }, jobs, signal, async (connections) => {
        try {
            return await pourAll(loading, connections, signal);
        } catch (error) {
            loading.signal.throwIfAborted();
            const told = new Error(sentence(backup, error));
            stop.abort(told);
            throw told;
        }
    });
}

async function pourAll(
    { backup, packing, production, watch }: MysqlLoading,
    connections: Connection[],
    signal: AbortSignal,
): Promise<MysqlLoaded> {
    const hash = createHash("sha256");
    const progress = { of: backup.bytes, through: 0 };
    async function* read() {
        for await (const chunk of addAbortSignal(signal, backup.open())) {
            hash.update(chunk as Buffer);
            progress.through += chunk.length;
            yield chunk as Buffer;
        }
    }
    const pour = new Pour(connections, production);
    watch(() => readingOf(pour.tally, progress));
    for await (const chunk of unpacked(read(), packing, signal)) {
        await pour.push(chunk);
    }
    await pour.end();
    if (await backup.changed()) {
        throw new Error("It has changed while it was read: wait until it is written, then run again");
    }
    const whole = ['the dump has its closing line ("-- Dump completed")', ...wholeness[packing]];
    return { tally: pour.tally, sha256: hash.digest("hex"), whole };
}

/** Works with several connections at once, which are cut when it fails. */
export async function withLanes<T>(
    server: MysqlServer,
    visitor: Visitor,
    jobs: number,
    signal: AbortSignal,
    work: (connections: Connection[]) => Promise<T>,
    opened: Connection[] = [],
): Promise<T> {
    if (opened.length === jobs) {
        return work(opened);
    }
    return withConnection(server, visitor, signal, async (connection) => {
        await connection.query(loadSession);
        return withLanes(server, visitor, jobs, signal, work, [...opened, connection]);
    });
}

/** What it proves that a backup was read to its end, by how it is packed. */
const wholeness: Record<Compression, string[]> = {
    none: [],
    gzip: ["the gzip stream is whole: its length and checksum fit"],
    xz: ["the xz stream is whole: xz has read it to its end"],
    zstd: ["the zstd stream is whole: zstd has read it to its end"],
    bzip2: ["the bzip2 stream is whole: bzip2 has read it to its end"],
};

function readingOf({ tables }: Tally, part: { of: number; through: number }): Reading {
    const done = [...tables.values()].reduce((sum, { rows }) => sum + rows, 0);
    return { done, unit: "row", part };
}

function sentence({ name }: Backup, error: unknown): string {
    const again = "make a new backup, or set database.backup to another stamp";
    const { code, message, sqlState } = error as NodeJS.ErrnoException & { sqlState?: string };
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
    const said = sqlState === undefined ? message : `The server says: ${withoutValues(message)}`;
    return `The backup ${name} cannot be loaded. ${said.replace(/[.\s]+$/, "")}.`;
}

/** Leaves out what a message quotes from a row: `Duplicate entry '…' for key 'email'`. */
export function withoutValues(message: string): string {
    return message
        .replace(/(entry |value: |value )'[\s\S]*?'(?= for|$)/, "$1'…'")
        .replaceAll(/\s+/g, " ")
        .trim();
}
