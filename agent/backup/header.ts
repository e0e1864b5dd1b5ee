import { pipeline } from "node:stream";
import { constants, createGunzip, gunzipSync } from "node:zlib";
import type { DatabasePlan } from "../../contract";
import { serverSubject } from "../../contract/manifest";
import { Refusal } from "../refusal";
import { type Backup, fileName } from "./catalogue";
import { DumpLexer } from "./lexer";

/** What the beginning of a dump tells. */
export interface DumpHeader {
    /** Version of production's server, for example `15.20`. */
    serverVersion: string;
}

/** Comment that every dump of one database begins with, and the one that ends it. */
export const dumpTitle = "PostgreSQL database dump";
export const dumpTrailer = "PostgreSQL database dump complete";

/** The same of a dump of a whole server. */
const serverTitle = "PostgreSQL database cluster dump";
export const serverTrailer = "PostgreSQL database cluster dump complete";

/**
 * Reads the beginning of a dump, before anything is made for it.
 *
 * @throws {Refusal} when the file is not a compressed plain dump of the kind that is set
 */
export async function readHeader(backup: Backup, kind: DatabasePlan["dump"]): Promise<DumpHeader> {
    const { path } = backup;
    const text = beginning(await firstBytes(backup), path).toString("latin1");
    const [, title] = new RegExp(`^-- (${dumpTitle}|${serverTitle})\\s*$`, "m").exec(text) ?? [];
    const [tool, expected] = kind === "server" ? ["pg_dumpall", serverTitle] : ["pg_dump", dumpTitle];
    if (title === undefined) {
        throw new Refusal(
            `The backup ${path} is not a plain SQL dump: its first lines do not say "${expected}". ` +
                `Make it with ${tool} in plain format, compressed with gzip.`,
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
    const serverVersion = kind === "server" ? await findVersion(backup) : versionIn(text);
    if (serverVersion === undefined) {
        throw new Refusal(`The backup ${path} does not say which version it was dumped from: make it with ${tool}.`);
    }
    return { serverVersion };
}

function versionIn(text: string): string | undefined {
    return /^-- Dumped from database version (\S+)/m.exec(text)?.[1];
}

/** The version in a dump of a whole server: each database tells it, and any number of roles come before the first. */
async function findVersion({ path, open }: Backup): Promise<string | undefined> {
    const lexer = new DumpLexer();
    const text = createGunzip();
    // What goes wrong with the file ends the loop below as well.
    pipeline(open(), text, () => undefined);
    try {
        for await (const chunk of text) {
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
    const chunks: Buffer[] = [];
    let size = 0;
    try {
        for await (const chunk of open()) {
            chunks.push(chunk);
            size += chunk.length;
            if (size >= 4096) {
                break;
            }
        }
    } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        throw new Refusal(`The backup ${path} cannot be read (${code ?? message}): let the agent's user read it.`);
    }
    return Buffer.concat(chunks).subarray(0, 4096);
}

/** The first bytes, decompressed as far as they go. */
function beginning(compressed: Buffer, path: string): Buffer {
    if (compressed[0] !== 0x1f || compressed[1] !== 0x8b) {
        throw new Refusal(`The backup ${path} is not compressed with gzip although its name says so: make it anew.`);
    }
    try {
        return gunzipSync(compressed, { finishFlush: constants.Z_SYNC_FLUSH });
    } catch {
        throw new Refusal(
            `The backup ${path} is damaged in its first bytes: make a new backup, ` +
                "or set database.backup to another stamp.",
        );
    }
}
