import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { Backup } from "../backup/catalogue";
import type { Frame } from "../backup/frame";
import { DumpLexer } from "../backup/lexer";
import { DumpError, type Piece } from "../backup/piece";
import { type Cast, direct } from "../backup/statement";
import { Refusal } from "../refusal";
import type { Watch } from "../report";
import { Psql, type PsqlTarget } from "./psql";
import { Tally } from "./tally";

/** What a load needs. */
export interface Loading {
    backup: Backup;
    /** Tells which part of the dump is the database's. */
    frame: Frame;
    target: PsqlTarget;
    cast: Cast;
    /** Makes sure that a role exists, and that the stand-in is a member of it where `member` is set. */
    ensureRole(name: string, member: boolean): Promise<void>;
    watch: Watch;
    signal: AbortSignal;
}

/** What a load has found and done. */
export interface Loaded {
    tally: Tally;
    /** SHA-256 of the file as it was read. */
    sha256: string;
    /** Reasons for which statements of the database were left out. */
    skipped: Set<string>;
    /** Statements to be run as the owner. */
    deferred: string[];
}

/**
 * Streams a backup into a database: read, hash, decompress, look through, psql.
 *
 * @throws {Error} one sentence when the file is damaged, is not what pg_dump writes, or the server takes exception
 * @throws {Refusal} when the dump is whole, but the database is not in it
 */
export async function load({ backup, frame, target, cast, ensureRole, watch, signal }: Loading): Promise<Loaded> {
    const psql = new Psql(target);
    const lexer = new DumpLexer();
    const loaded: Loaded = { tally: new Tally(), sha256: "", skipped: new Set(), deferred: [] };
    const hash = createHash("sha256");
    const gunzip = createGunzip({ chunkSize: 262_144 });
    let read = 0;
    let rows = 0;
    watch(() => ({
        // Nobody knows how many rows an INSERT brings.
        ...(rows > 0 ? { done: rows, unit: "row" } : { done: read, unit: "byte" }),
        part: { of: backup.bytes, through: read },
    }));

    async function* hashed(chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
            hash.update(chunk);
            read += chunk.length;
            yield chunk;
        }
    }

    async function pass(pieces: Piece[]) {
        for (const piece of pieces) {
            if (!frame.takes(piece)) {
                continue;
            }
            if (piece.kind === "rows") {
                loaded.tally.copied(piece.count);
                rows += piece.count;
                await psql.write(piece.bytes);
            } else if (piece.kind === "statement") {
                loaded.tally.statement(piece.text, piece.words);
                await passStatement(piece.text, piece.words);
            }
        }
    }

    async function passStatement(text: Buffer, words: string[]) {
        const direction = direct(text, words, cast);
        if (direction.kind === "skip") {
            loaded.skipped.add(direction.reason);
            return;
        }
        for (const role of direction.roles) {
            await ensureRole(role, direction.kind === "pass" && direction.members.includes(role));
        }
        if (direction.kind === "defer") {
            loaded.deferred.push(direction.text);
            return;
        }
        // The newline comes first: after COPY it belongs to the rows.
        await psql.write(newline);
        await psql.write(direction.text);
        if (direction.after !== undefined) {
            await psql.write(Buffer.from(`\n${direction.after}`));
        }
    }

    // A psql that builds an index would not notice that nobody writes to it any more.
    signal.addEventListener("abort", () => void psql.kill(), { once: true });
    try {
        await pipeline(
            backup.open(),
            hashed,
            gunzip,
            async (chunks: AsyncIterable<Buffer>) => {
                for await (const chunk of chunks) {
                    await pass(lexer.push(chunk));
                }
            },
            { signal },
        );
        await pass(lexer.end());
        frame.end();
        if (gunzip.bytesWritten !== read) {
            throw new DumpError("goes on after the end of the gzip stream: something was appended to the file");
        }
        await psql.write(newline);
        await psql.end();
    } catch (error) {
        await psql.kill();
        signal.throwIfAborted();
        throw error instanceof Refusal ? error : new Error(sentence(backup, error));
    }
    loaded.sha256 = hash.digest("hex");
    loaded.skipped.delete("");
    return loaded;
}

const newline = Buffer.from("\n");

function sentence({ name }: Backup, error: unknown): string {
    const again = "make a new backup, or set database.backup to another stamp";
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "Z_BUF_ERROR") {
        return `The backup ${name} ends in the middle: the gzip stream is truncated. If it is still being written, wait; else ${again}.`;
    }
    if (code?.startsWith("Z_") === true) {
        return `The backup ${name} is damaged (${message}): ${again}.`;
    }
    if (error instanceof DumpError) {
        return `The backup ${name} ${message}: ${again}.`;
    }
    if (code === "EIO" || code === "ESTALE" || code === "EACCES" || code === "ENOENT") {
        return `The backup ${name} cannot be read (${code}): look at the store that is mounted.`;
    }
    return `The backup ${name} cannot be loaded. ${message}.`;
}
