import { constants, gunzipSync } from "node:zlib";
import type { DatabasePlan } from "../../contract";
import { serverSubject } from "../../contract/manifest";
import { Refusal } from "../refusal";
import { archiveHeader } from "./archive";
import { type Backup, fileName } from "./catalogue";
import { DumpLexer } from "./lexer";
import { type Archive, type Compression, isArchive, type Packing, packingOf } from "./packing";
import { ProgramError, versionOf } from "./program";
import { tarBlock } from "./tar";
import { unpacked } from "./unpack";

/** What the beginning of a backup tells. */
export interface DumpHeader {
    packing: Packing;
    /** Version of production's server, for example `15.20`. */
    serverVersion: string;
    /** Whether what packs it has checksums, so that changed bytes do not pass for production's. */
    checked: boolean;
}

/** Comment that every dump of one database begins with, and the one that ends it. */
export const dumpTitle = "PostgreSQL database dump";
export const dumpTrailer = "PostgreSQL database dump complete";

/** The same of a dump of a whole server. */
const serverTitle = "PostgreSQL database cluster dump";
export const serverTrailer = "PostgreSQL database cluster dump complete";

/**
 * Reads the beginning of a backup, before anything is made for it.
 *
 * @throws {Refusal} when it is not a dump of the kind that is set, and when the program is not there that unpacks it, or
 *   is too old for it
 */
export async function readHeader(backup: Backup, kind: DatabasePlan["dump"]): Promise<DumpHeader> {
    const bytes = await firstBytes(backup);
    const packing = backup.folder === undefined ? packingOf(bytes) : "directory";
    if (isArchive(packing)) {
        return readArchiveHeader(backup, kind, packing, bytes);
    }
    return { packing, serverVersion: await readPlainHeader(backup, kind, packing, bytes), checked: packing !== "none" };
}

async function readArchiveHeader(
    { path }: Backup,
    kind: DatabasePlan["dump"],
    packing: Archive,
    bytes: Buffer,
): Promise<DumpHeader> {
    // The first member of a tar file is the archive's table of contents.
    const header = archiveHeader(packing === "tar" ? bytes.subarray(tarBlock) : bytes);
    if (header?.serverVersion === undefined) {
        throw new Refusal(
            `The backup ${path} is not an archive of pg_dump, or its first bytes are damaged: make it anew.`,
        );
    }
    if (kind === "server") {
        throw new Refusal(
            `The backup ${path} is an archive of a single database (pg_dump) under the name of a whole server: ` +
                `set database.dump to database and name such files ${fileName("<database>")}, or make it with pg_dumpall.`,
        );
    }
    const { serverVersion, clientVersion, checked } = header;
    const client = await versionOf("pg_restore");
    if (Number.parseInt(clientVersion, 10) > Number.parseInt(client, 10)) {
        throw new Refusal(
            `The backup ${path} was made by pg_dump ${clientVersion}, from PostgreSQL ${serverVersion}, and pg_restore ` +
                `is ${client} here: it has to be of that major version (database.image), or dump with an older pg_dump.`,
        );
    }
    return { packing, serverVersion, checked };
}

async function readPlainHeader(
    backup: Backup,
    kind: DatabasePlan["dump"],
    packing: Compression,
    bytes: Buffer,
): Promise<string> {
    const { path } = backup;
    if (packing === "xz" || packing === "zstd" || packing === "bzip2") {
        await versionOf(packing);
    }
    const text = (await beginning(backup, packing, bytes)).toString("latin1");
    const [, title] = new RegExp(`^-- (${dumpTitle}|${serverTitle})\\s*$`, "m").exec(text) ?? [];
    const [tool, expected] = kind === "server" ? ["pg_dumpall", serverTitle] : ["pg_dump", dumpTitle];
    if (/^-- (MySQL|MariaDB) dump \d/m.test(text)) {
        throw new Refusal(
            `The backup ${path} is not a dump of PostgreSQL, but one of MySQL or MariaDB: correct database.engine, or let ` +
                "source.database name the right place.",
        );
    }
    if (title === undefined) {
        throw new Refusal(
            `The backup ${path} is not a dump of PostgreSQL: it is no archive, and its first lines do not say ` +
                `"${expected}". Make it with ${tool}, plain or compressed with gzip, xz or zstd.`,
        );
    }
    if (kind === "database" && title === serverTitle) {
        throw new Refusal(
            `The backup ${path} is a dump of a whole server (pg_dumpall) under the name of a single database: ` +
                `set database.dump to server and name such files ${fileName(serverSubject)}, or dump the database ` +
                "alone (pg_dump, or DATABASE=<name> for the backup container).",
        );
    }
    if (kind === "server" && title === dumpTitle) {
        throw new Refusal(
            `The backup ${path} is a dump of a single database (pg_dump) under the name of a whole server: ` +
                `set database.dump to database and name such files ${fileName("<database>")}, or make it with pg_dumpall.`,
        );
    }
    const serverVersion = kind === "server" ? await findVersion(backup, packing) : versionIn(text);
    if (serverVersion === undefined) {
        throw new Refusal(`The backup ${path} does not say which version it was dumped from: make it with ${tool}.`);
    }
    return serverVersion;
}

function versionIn(text: string): string | undefined {
    return /^-- Dumped from database version (\S+)/m.exec(text)?.[1];
}

/** The version in a dump of a whole server: each database tells it, and any number of roles come before the first. */
async function findVersion({ path, open }: Backup, packing: Compression): Promise<string | undefined> {
    const lexer = new DumpLexer();
    try {
        for await (const chunk of unpacked(open(), packing)) {
            for (const piece of lexer.push(chunk)) {
                const version = piece.kind === "comment" ? versionIn(`-- ${piece.text}`) : undefined;
                if (version !== undefined) {
                    return version;
                }
            }
        }
    } catch (error) {
        throw new Refusal(
            `The backup ${path} cannot be read up to its first database (${(error as Error).message}): ` +
                "make a new backup, or set database.backup to another stamp.",
        );
    }
    return undefined;
}

async function firstBytes({ path, open }: Backup): Promise<Buffer> {
    try {
        return await upTo(4096, open());
    } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        throw new Refusal(`The backup ${path} cannot be read (${code ?? message}): let the agent's user read it.`);
    }
}

/** The first text of a dump, as far as it can be unpacked. */
async function beginning({ path, open }: Backup, packing: Compression, bytes: Buffer): Promise<Buffer> {
    try {
        // zlib gives what a cut stream holds only when it is told that it is cut.
        return packing === "gzip"
            ? gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
            : await upTo(4096, unpacked(open(), packing));
    } catch (error) {
        const reason = error instanceof ProgramError ? ` (${error.message})` : "";
        throw new Refusal(
            `The backup ${path} is damaged in its first bytes${reason}: make a new backup, ` +
                "or set database.backup to another stamp.",
        );
    }
}

async function upTo(length: number, chunks: AsyncIterable<Buffer>): Promise<Buffer> {
    const found: Buffer[] = [];
    let size = 0;
    for await (const chunk of chunks) {
        found.push(chunk);
        size += chunk.length;
        if (size >= length) {
            break;
        }
    }
    return Buffer.concat(found).subarray(0, length);
}
