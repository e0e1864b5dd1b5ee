import { commentedExtension, type Extension, madeExtension } from "../backup/extension";
import type { Frame } from "../backup/frame";
import { DumpLexer } from "../backup/lexer";
import { DumpError, type Piece } from "../backup/piece";
import { type Cast, direct } from "../backup/statement";
import { madeTable } from "../backup/table";
import type { EarlyReader } from "./early";
import type { Extensions } from "./extensions";
import type { Tally } from "./tally";
import type { Sink } from "./work";

/** What the SQL of a dump goes through on its way to the server, and what is kept of it. */
export interface Passage {
    cast: Cast;
    /** Makes sure that a role exists, and that the stand-in is a member of it where `member` is set. */
    ensureRole(name: string, member: boolean): Promise<void>;
    extensions: Extensions;
    /**
     * Tables that nothing has filled yet: those that the dump has made. They are filled in the transaction that empties
     * them once more, where a server only appends: in any other it looks for room in earlier pages, and the order would not
     * be the dump's. What is appended like this goes into no log either, if nobody follows the server.
     */
    empty: Set<string>;
    tally: Tally;
    /** Reads tables back while others are loaded. */
    early?: Pick<EarlyReader, "wants" | "filled">;
    /** Reasons for which statements of the database were left out. */
    skipped: Set<string>;
    /** Statements to be run as the owner. */
    deferred: string[];
}

/**
 * Looks through SQL and lets the database's own part of it pass.
 *
 * @returns the tables whose rows have passed, and how many COPY statements there were, passed or not
 * @throws {DumpError} for what pg_dump never writes, and when the SQL does not reach its end
 * @throws {Refusal} when it does, and the database is not in it
 */
export async function pour(
    sql: AsyncIterable<Buffer>,
    frame: Pick<Frame, "takes" | "end">,
    sink: Sink,
    { cast, ensureRole, extensions, empty, tally, early, skipped, deferred }: Passage,
): Promise<{ tables: Set<string>; copies: number }> {
    const tables = new Set<string>();
    let copies = 0;
    const lexer = new DumpLexer();
    let table = "";
    let appending = false;

    async function pass(pieces: Piece[]) {
        for (const piece of pieces) {
            copies += piece.kind === "statement" && piece.words[0] === "copy" ? 1 : 0;
            if (!frame.takes(piece)) {
                continue;
            }
            if (piece.kind === "rows") {
                tally.copied(table, piece.count, piece.bytes.length);
                await sink.rows(piece.bytes);
            } else if (piece.kind === "statement") {
                await endAppending();
                const copied = tally.statement(piece.text, piece.words);
                const made = piece.words[0] === "create" ? madeTable(piece.text) : undefined;
                if (copied !== undefined) {
                    refuseOtherAlphabet(copied);
                    table = copied;
                    tables.add(table);
                    await beginAppending();
                } else if (made !== undefined) {
                    empty.add(made);
                }
                const extension = piece.words[1] === "extension" ? madeExtension(piece.text) : undefined;
                if (extension !== undefined) {
                    await makeExtension(extension, () => passStatement(piece.text, piece.words));
                } else if (!commentsOnSuperusers(piece.text, piece.words)) {
                    await passStatement(piece.text, piece.words);
                }
            }
        }
    }

    async function beginAppending() {
        if (empty.delete(table)) {
            appending = true;
            await sink.statement(Buffer.from("BEGIN;"), ["begin"]);
            await sink.statement(Buffer.from(`TRUNCATE TABLE ONLY ${table};`), []);
        }
    }

    async function endAppending() {
        if (appending) {
            appending = false;
            await sink.statement(Buffer.from("COMMIT;"), ["commit"]);
            if (early?.wants(table, tally)) {
                await sink.settle();
                early.filled(table, tally);
            }
        }
    }

    async function passStatement(text: Buffer, words: string[]) {
        const direction = direct(text, words, cast);
        if (direction.kind === "skip") {
            skipped.add(direction.reason);
            return;
        }
        for (const role of direction.roles) {
            await ensureRole(role, direction.kind === "pass" && direction.members.includes(role));
        }
        if (direction.kind === "defer") {
            deferred.push(direction.text);
            return;
        }
        await sink.statement(direction.text, words);
        if (direction.after !== undefined) {
            await sink.statement(Buffer.from(direction.after), []);
        }
    }

    async function makeExtension(extension: Extension, asStandIn: () => Promise<void>) {
        // A superuser sees its schema only once that is there.
        await sink.settle();
        const made = await extensions.make(extension, async () => {
            await asStandIn();
            await sink.settle();
        });
        for (const [table, rows] of made) {
            tally.made.set(table, rows);
        }
    }

    /** Whether a statement comments on what is a superuser's: nobody else may do that. */
    function commentsOnSuperusers(text: Buffer, words: string[]): boolean {
        const extension = words[2] === "extension" ? commentedExtension(text) : undefined;
        return extension !== undefined && extensions.isSuperusers(extension);
    }

    for await (const chunk of sql) {
        await pass(lexer.push(chunk));
    }
    await pass(lexer.end());
    await endAppending();
    frame.end();
    return { tables, copies };
}

/** Names are read as UTF8, as which a name in another encoding has letters that nobody knows. */
function refuseOtherAlphabet(table: string): void {
    if (table.includes("\ufffd")) {
        throw new DumpError(`has a table whose name is not in UTF8, ${table} (pg_dump --encoding=UTF8 writes it so)`);
    }
}
