import type { Backup } from "../backup/catalogue";
import { type Compression, isArchive, packingOf } from "../backup/packing";
import { ProgramError, versionOf } from "../backup/program";
import { unpacked } from "../backup/unpack";
import { Refusal } from "../refusal";

/** What the beginning of a backup tells. */
export interface MysqlHeader {
    packing: Compression;
    /** Version of production's server, for example `10.11.6-MariaDB`. */
    serverVersion: string;
}

/** Bytes that tell what a file is. */
const enough = 4096;

/**
 * Reads the beginning of a backup, before anything is made for it.
 *
 * @throws {Refusal} when it is no dump of MySQL or MariaDB, or the program is not there that unpacks it
 */
export async function readHeader(backup: Backup): Promise<MysqlHeader> {
    const { path } = backup;
    if (backup.folder !== undefined) {
        throw postgresDump(path);
    }
    const packing = packingOf(await firstOf(backup, () => backup.open()));
    if (isArchive(packing)) {
        throw postgresDump(path);
    }
    if (packing !== "none" && packing !== "gzip") {
        await versionOf(packing);
    }
    const text = (await firstOf(backup, () => unpacked(backup.open(), packing))).toString("latin1");
    if (/^-- PostgreSQL database (cluster )?dump\s*$/m.test(text)) {
        throw postgresDump(path);
    }
    if (!/^-- (MySQL|MariaDB) dump \d/m.test(text)) {
        throw new Refusal(
            `The backup ${path} is not a dump of MySQL or MariaDB: its first lines do not say "-- MariaDB dump" or ` +
                '"-- MySQL dump". Make it with mariadb-dump or mysqldump, plain or compressed with gzip, xz, zstd or bzip2.',
        );
    }
    const serverVersion = /^-- Server version\s+(\S+)/m.exec(text)?.[1];
    if (serverVersion === undefined) {
        throw new Refusal(
            `The backup ${path} does not say which version it was dumped from: make it anew, with comments.`,
        );
    }
    return { packing, serverVersion };
}

function postgresDump(path: string): Refusal {
    return new Refusal(
        `The backup ${path} is a dump of PostgreSQL, and this replica's database is MySQL or MariaDB: correct ` +
            "database.engine, or let source.database name the right place.",
    );
}

async function firstOf({ path }: Backup, open: () => AsyncIterable<Buffer>): Promise<Buffer> {
    const found: Buffer[] = [];
    let size = 0;
    try {
        for await (const chunk of open()) {
            found.push(chunk);
            size += chunk.length;
            if (size >= enough) {
                break;
            }
        }
    } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (size === 0 || error instanceof ProgramError) {
            throw new Refusal(
                `The backup ${path} cannot be read, or is damaged in its first bytes (${code ?? message}): let the agent's user ` +
                    "read it, make a new backup, or set database.backup to another stamp.",
            );
        }
    }
    return Buffer.concat(found).subarray(0, enough);
}
