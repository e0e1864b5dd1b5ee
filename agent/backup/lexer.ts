import { Byte, isWordPart, isWordStart, newlines } from "./bytes";
import { DumpError, type Piece } from "./piece";

/** The line that ends a COPY statement's data, with the end of the line before it. */
const endOfRows = Buffer.from("\n\\.\n");

/** More than PostgreSQL takes in one statement makes sense, and more than the agent should hold in memory. */
const longestStatement = 256 * 2 ** 20;

/** Words of a statement that tell what it is about. */
const wordsKept = 8;

/**
 * Cuts a plain SQL dump into statements, COPY data, comments and psql commands, as psql itself would. Rows pass
 * through in whole chunks; only SQL is looked at byte by byte.
 */
export class DumpLexer {
    /** Bytes that cannot be told apart yet without those that follow. */
    private rest: Buffer = Buffer.alloc(0);
    /** What stands between the quotes that are open: nothing, a string or name, an escape string, a body, a comment. */
    private inside: "sql" | "plain" | "escape" | "dollar" | "line" | "block" | "afterCopy" | "rows" = "sql";
    /** Quote that ends a plain string or name. */
    private closing: Byte = Byte.apostrophe;
    /** Tag that ends a dollar-quoted body. */
    private tag: Buffer = Buffer.alloc(0);
    private commentDepth = 0;
    /** Open parentheses, and BEGINs of a function's body: a semicolon inside them ends nothing. */
    private parentheses = 0;
    private blocks = 0;
    private words: string[] = [];
    /** The current statement as far as earlier chunks hold it. */
    private parts: Buffer[] = [];
    private size = 0;
    /** Where the current statement begins or goes on in this chunk; -1 between statements. */
    private start = -1;
    private found: Piece[] = [];

    /**
     * Takes the next bytes of the dump.
     *
     * @returns the pieces that are now complete
     * @throws {DumpError} for what pg_dump never writes
     */
    push(chunk: Buffer): Piece[] {
        return this.scan(this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]), false);
    }

    /**
     * Ends the dump.
     *
     * @throws {DumpError} when it ends in the middle of something
     */
    end(): Piece[] {
        const pieces = this.scan(this.rest, true);
        if (this.inside === "rows" || this.inside === "afterCopy") {
            throw new DumpError("ends in the middle of a table's rows");
        }
        if (this.start >= 0 || this.inside !== "sql") {
            throw new DumpError("ends in the middle of a statement");
        }
        return pieces;
    }

    private scan(data: Buffer, final: boolean): Piece[] {
        this.found = [];
        let at = 0;
        while (at < data.length) {
            const next = this.token(data, at, final);
            if (next <= at) {
                break;
            }
            at = next;
        }
        if (this.start >= 0) {
            this.parts.push(data.subarray(this.start, at));
            this.size += at - this.start;
            this.start = 0;
        }
        this.rest = data.subarray(at);
        if (this.size + this.rest.length > longestStatement) {
            throw new DumpError("holds a single statement of more than 256 MiB, which pg_dump never writes");
        }
        return this.found;
    }

    /** Reads one token; returns where the next one begins, or `at` itself if that needs more bytes. */
    private token(data: Buffer, at: number, final: boolean): number {
        switch (this.inside) {
            case "sql":
                return this.sql(data, at, final);
            case "rows":
                return this.rows(data, at);
            case "afterCopy":
                return this.afterCopy(data, at);
            case "plain": {
                // A doubled quote closes and opens again, which comes to the same.
                const end = data.indexOf(this.closing, at);
                return end < 0 ? data.length : this.leave(end + 1);
            }
            case "escape":
                return this.escape(data, at, final);
            case "dollar": {
                const end = data.indexOf(this.tag, at);
                return end < 0 ? Math.max(at, data.length - this.tag.length + 1) : this.leave(end + this.tag.length);
            }
            case "line": {
                const end = data.indexOf(Byte.newline, at);
                return end < 0 ? data.length : this.leave(end + 1);
            }
            case "block":
                return this.block(data, at);
        }
    }

    private leave(next: number): number {
        this.inside = "sql";
        return next;
    }

    private sql(data: Buffer, at: number, final: boolean): number {
        const byte = data[at] ?? 0;
        const following = data[at + 1];
        if (byte <= 32) {
            return at + 1;
        }
        if (this.start < 0 && (byte === Byte.dash || byte === Byte.backslash)) {
            return this.line(data, at, final);
        }
        if (byte === Byte.backslash) {
            throw new DumpError(`holds the psql command ${commandAt(data, at)} inside a statement`);
        }
        if (this.start < 0) {
            this.start = at;
        }
        if (isWordStart(byte)) {
            return this.word(data, at, final);
        }
        switch (byte) {
            case Byte.semicolon:
                return this.semicolon(data, at + 1);
            case Byte.apostrophe:
            case Byte.quote:
                this.inside = "plain";
                this.closing = byte;
                return at + 1;
            case Byte.dollar:
                return this.dollar(data, at, final);
            case Byte.open:
                this.parentheses += 1;
                return at + 1;
            case Byte.close:
                this.parentheses = Math.max(0, this.parentheses - 1);
                return at + 1;
            case Byte.dash:
            case Byte.slash:
                if (following === undefined && !final) {
                    return at;
                }
                if (byte === Byte.dash && following === Byte.dash) {
                    this.inside = "line";
                    return at + 2;
                }
                if (byte === Byte.slash && following === Byte.star) {
                    this.inside = "block";
                    this.commentDepth = 1;
                    return at + 2;
                }
                return at + 1;
            default:
                return at + 1;
        }
    }

    /** A line between statements that is a comment or a command to psql. */
    private line(data: Buffer, at: number, final: boolean): number {
        const newline = data.indexOf(Byte.newline, at);
        if (newline < 0 && !final) {
            return at;
        }
        const end = newline < 0 ? data.length : newline;
        const text = data.toString("latin1", at, end).trimEnd();
        if (text.startsWith("--")) {
            this.found.push({ kind: "comment", text: text.slice(2).trim() });
        } else if (text.startsWith("\\")) {
            this.found.push({ kind: "command", text });
        } else {
            throw new DumpError(`holds a statement that begins with "${text.slice(0, 20)}"`);
        }
        return end;
    }

    private word(data: Buffer, at: number, final: boolean): number {
        let end = at + 1;
        while (end < data.length && isWordPart(data[end] ?? 0)) {
            end += 1;
        }
        if (end === data.length && !final) {
            return at;
        }
        const length = end - at;
        if (length === 1 && data[end] === Byte.apostrophe && ((data[at] ?? 0) | 32) === 101) {
            this.inside = "escape";
            return end + 1;
        }
        if (this.words.length < wordsKept) {
            this.words.push(data.toString("latin1", at, end).toLowerCase());
        }
        // A function's body in standard SQL holds semicolons between BEGIN and END, and CASE has an END as well.
        if (this.parentheses === 0 && length <= 5 && this.isRoutine()) {
            const word = data.toString("latin1", at, end).toLowerCase();
            if (word === "begin" || (word === "case" && this.blocks > 0)) {
                this.blocks += 1;
            } else if (word === "end" && this.blocks > 0) {
                this.blocks -= 1;
            }
        }
        return end;
    }

    private isRoutine(): boolean {
        const [first, second, third, fourth] = this.words;
        const kind = second === "or" && third === "replace" ? fourth : second;
        return first === "create" && (kind === "function" || kind === "procedure");
    }

    private escape(data: Buffer, from: number, final: boolean): number {
        let at = from;
        while (at < data.length) {
            const byte = data[at];
            if (byte !== Byte.backslash && byte !== Byte.apostrophe) {
                at += 1;
            } else if (at + 1 === data.length && !final) {
                return at;
            } else if (byte === Byte.backslash || data[at + 1] === Byte.apostrophe) {
                at += 2;
            } else {
                return this.leave(at + 1);
            }
        }
        return data.length;
    }

    private dollar(data: Buffer, at: number, final: boolean): number {
        let end = at + 1;
        while (end < data.length && data[end] !== Byte.dollar && isWordPart(data[end] ?? 0)) {
            end += 1;
        }
        if (end === data.length && !final) {
            return at;
        }
        const opens = data[end] === Byte.dollar && (end === at + 1 || isWordStart(data[at + 1] ?? 0));
        if (!opens) {
            return at + 1;
        }
        this.tag = Buffer.from(data.subarray(at, end + 1));
        this.inside = "dollar";
        return end + 1;
    }

    /** Comments in this style nest. */
    private block(data: Buffer, from: number): number {
        let at = from;
        for (; at + 1 < data.length; at++) {
            if (data[at] === Byte.star && data[at + 1] === Byte.slash) {
                at += 1;
                this.commentDepth -= 1;
                if (this.commentDepth === 0) {
                    return this.leave(at + 1);
                }
            } else if (data[at] === Byte.slash && data[at + 1] === Byte.star) {
                at += 1;
                this.commentDepth += 1;
            }
        }
        return at;
    }

    private semicolon(data: Buffer, end: number): number {
        if (this.parentheses > 0 || this.blocks > 0) {
            return end;
        }
        const last = data.subarray(this.start, end);
        const text = this.parts.length === 0 ? last : Buffer.concat([...this.parts, last]);
        const { words } = this;
        this.found.push({ kind: "statement", text, words });
        this.parts = [];
        this.size = 0;
        this.start = -1;
        this.words = [];
        if (words[0] === "copy" && /\bFROM\s+stdin\s*;$/i.test(text.toString("latin1"))) {
            this.inside = "afterCopy";
        }
        return end;
    }

    /** The rows begin on the next line; its newline stays, so that the end of no rows at all looks like any other. */
    private afterCopy(data: Buffer, at: number): number {
        const byte = data[at];
        if (byte === Byte.return) {
            throw new DumpError("has line ends of Windows; dump it with pg_dump --file instead of through a shell");
        }
        if (byte !== Byte.newline) {
            throw new DumpError("holds text after COPY … FROM stdin on the same line");
        }
        this.inside = "rows";
        return this.rows(data, at);
    }

    private rows(data: Buffer, at: number): number {
        const marker = data.indexOf(endOfRows, at);
        // The end marker may begin in the last bytes.
        const end = marker < 0 ? Math.max(at, data.length - endOfRows.length + 1) : marker;
        const next = marker < 0 ? end : end + endOfRows.length;
        if (next > at) {
            this.found.push({ kind: "rows", bytes: data.subarray(at, next), count: newlines(data, at, end) });
        }
        return marker < 0 ? end : this.leave(next);
    }
}

function commandAt(data: Buffer, at: number): string {
    return /^\\\S*/.exec(data.toString("latin1", at, at + 40))?.[0] ?? "\\";
}
