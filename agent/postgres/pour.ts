import type { Frame } from "../backup/frame";
import { DumpLexer } from "../backup/lexer";
import type { Piece } from "../backup/piece";
import { type Cast, direct } from "../backup/statement";
import type { Tally } from "./tally";
import type { Sink } from "./work";

/** What the SQL of a dump goes through on its way to the server, and what is kept of it. */
export interface Passage {
    cast: Cast;
    /** Makes sure that a role exists, and that the stand-in is a member of it where `member` is set. */
    ensureRole(name: string, member: boolean): Promise<void>;
    tally: Tally;
    /** Reasons for which statements of the database were left out. */
    skipped: Set<string>;
    /** Statements to be run as the owner. */
    deferred: string[];
}

/**
 * Looks through SQL and lets the database's own part of it pass.
 *
 * @returns the tables whose rows have passed
 * @throws {DumpError} for what pg_dump never writes, and when the SQL does not reach its end
 * @throws {Refusal} when it does, and the database is not in it
 */
export async function pour(
    sql: AsyncIterable<Buffer>,
    frame: Frame,
    sink: Sink,
    { cast, ensureRole, tally, skipped, deferred }: Passage,
): Promise<Set<string>> {
    const tables = new Set<string>();
    const lexer = new DumpLexer();
    let table = "";

    async function pass(pieces: Piece[]) {
        for (const piece of pieces) {
            if (!frame.takes(piece)) {
                continue;
            }
            if (piece.kind === "rows") {
                tally.copied(table, piece.count, piece.bytes.length);
                await sink.rows(piece.bytes);
            } else if (piece.kind === "statement") {
                const copied = tally.statement(piece.text, piece.words);
                if (copied !== undefined) {
                    table = copied;
                    tables.add(table);
                }
                await passStatement(piece.text, piece.words);
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

    for await (const chunk of sql) {
        await pass(lexer.push(chunk));
    }
    await pass(lexer.end());
    frame.end();
    return tables;
}
