import { DumpError } from "../backup/piece";

/** A part of a dump of MySQL or MariaDB, in the order of the dump. */
export type MysqlPiece =
    /** A statement without its delimiter, and how many pairs of brackets are not in any other one. */
    | { kind: "statement"; text: Buffer; groups: number }
    /** A comment of one line between statements, without its dashes. */
    | { kind: "comment"; text: string };

const Byte = {
    tab: 9,
    newline: 10,
    space: 32,
    quote: 34,
    hash: 35,
    apostrophe: 39,
    open: 40,
    close: 41,
    star: 42,
    dash: 45,
    slash: 47,
    semicolon: 59,
    backslash: 92,
    backtick: 96,
} as const;

/** Bytes that mean something outside of quotes. */
const special = [
    Byte.quote,
    Byte.hash,
    Byte.apostrophe,
    Byte.open,
    Byte.close,
    Byte.star,
    Byte.dash,
    Byte.slash,
    Byte.backslash,
    Byte.backtick,
];

/** With this line newer dumps make their own client refuse commands; it is no comment for others. */
const sandbox = /^\/\*M?!999999\\- enable the sandbox mode \*\//;
const sandboxLength = "/*M!999999\\- enable the sandbox mode */".length;

/** What sets another end of statements: a command to the client, not to the server. */
const delimiterLine = /^delimiter[ \t]+(\S+)[ \t\r]*\n/i;

/** Bytes that have to be there to tell what a statement begins with. */
const ahead = 64;

/** More than any server takes in one statement. */
const longest = 2 ** 30;

/**
 * Cuts a dump into its statements while it is read. Nothing is kept but the statement that is being read; comments that
 * the server obeys (`/*!40101 …`) are part of their statements.
 */
export class MysqlLexer {
    private readonly marks = new Uint8Array(256);
    private delimiter = Buffer.from(";");
    private inside: "text" | "quotes" | "line" | "block" = "text";
    private quote = 0;
    /** Comments obeyed by the server that are open. */
    private conditions = 0;
    /** Where the statement begins in what is being read; none has begun if negative. */
    private start = -1;
    private parts: Buffer[] = [];
    private size = 0;
    private tail: Buffer = Buffer.alloc(0);
    private depth = 0;
    private groups = 0;
    private found: MysqlPiece[] = [];

    constructor() {
        for (const byte of special) {
            this.marks[byte] = 1;
        }
        this.marks[Byte.semicolon] = 1;
    }

    /** The pieces that end in what comes next. */
    push(chunk: Buffer): MysqlPiece[] {
        return this.read(this.tail.length === 0 ? chunk : Buffer.concat([this.tail, chunk]), false);
    }

    /**
     * The last pieces.
     *
     * @throws {DumpError} when it ends in the middle of a statement
     */
    end(): MysqlPiece[] {
        const pieces = this.read(this.tail, true);
        if (this.start >= 0 || this.inside === "block" || this.inside === "quotes") {
            throw new DumpError("ends in the middle of a statement: it is truncated");
        }
        return pieces;
    }

    /** What is left of a text whose last statement needs no delimiter. */
    rest(): MysqlPiece[] {
        const pieces = this.read(this.tail, true);
        const text = Buffer.concat(this.parts);
        this.start = -1;
        this.parts = [];
        return [...pieces, { kind: "statement", text, groups: 0 }, ...this.end()];
    }

    private read(data: Buffer, final: boolean): MysqlPiece[] {
        let at = 0;
        for (let before = ""; at < data.length && before !== `${at} ${this.inside}`; ) {
            before = `${at} ${this.inside}`;
            at = this.step(data, at, final);
        }
        if (this.start >= 0) {
            this.parts.push(Buffer.from(data.subarray(this.start, at)));
            this.size += at - this.start;
            this.start = 0;
            if (this.size > longest) {
                throw new DumpError("holds a statement of more than 1 GiB");
            }
        }
        this.tail = data.subarray(at);
        const pieces = this.found;
        this.found = [];
        return pieces;
    }

    /** Reads on; where it cannot without more, it stays. */
    private step(data: Buffer, at: number, final: boolean): number {
        switch (this.inside) {
            case "quotes":
                return this.quotes(data, at, final);
            case "line":
                return this.line(data, at, final);
            case "block":
                return this.block(data, at, final);
            default:
                return this.start < 0 && this.parts.length === 0
                    ? this.between(data, at, final)
                    : this.statement(data, at, final);
        }
    }

    /** Between two statements. */
    private between(data: Buffer, from: number, final: boolean): number {
        let at = from;
        while (at < data.length && isBlank(data[at] as number)) {
            at += 1;
        }
        if (at === data.length || (data.length - at < ahead && !final)) {
            return at;
        }
        const byte = data[at];
        const isDashed = byte === Byte.dash && data[at + 1] === Byte.dash && isBlank(data[at + 2] ?? Byte.newline);
        if (isDashed || byte === Byte.hash) {
            this.inside = "line";
            return this.line(data, at, final);
        }
        const beginning = data.toString("latin1", at, at + ahead);
        if (sandbox.test(beginning)) {
            return data.indexOf("*/", at + sandboxLength - 4) + 2;
        }
        if (byte === Byte.slash && /^\/\*(?!M?!)/.test(beginning)) {
            this.inside = "block";
            return at + 2;
        }
        const [line, delimiter] = delimiterLine.exec(final ? `${beginning}\n` : beginning) ?? [];
        if (line !== undefined && delimiter !== undefined) {
            this.setDelimiter(delimiter);
            return Math.min(at + line.length, data.length);
        }
        if (byte === Byte.backslash) {
            throw clientCommand(data, at);
        }
        this.start = at;
        return this.statement(data, at, final);
    }

    private setDelimiter(delimiter: string): void {
        this.marks[this.delimiter[0] ?? 0] = special.includes((this.delimiter[0] ?? 0) as (typeof special)[number])
            ? 1
            : 0;
        this.delimiter = Buffer.from(delimiter, "latin1");
        this.marks[this.delimiter[0] ?? 0] = 1;
    }

    /** Inside of a statement, outside of quotes. */
    private statement(data: Buffer, from: number, final: boolean): number {
        const { marks, delimiter } = this;
        let at = from;
        for (;;) {
            while (at < data.length && marks[data[at] as number] === 0) {
                at += 1;
            }
            if (at >= data.length) {
                return data.length;
            }
            // The delimiter and the marks of comments are short.
            if (data.length - at < Math.max(3, delimiter.length) && !final) {
                return at;
            }
            const byte = data[at] as number;
            if (byte === delimiter[0] && data.subarray(at, at + delimiter.length).equals(delimiter)) {
                this.finish(data, at);
                return at + delimiter.length;
            }
            const next = data[at + 1];
            switch (byte) {
                case Byte.open:
                    this.groups += this.depth === 0 ? 1 : 0;
                    this.depth += 1;
                    break;
                case Byte.close:
                    this.depth -= 1;
                    break;
                case Byte.apostrophe:
                case Byte.quote:
                case Byte.backtick:
                    this.inside = "quotes";
                    this.quote = byte;
                    return at + 1;
                case Byte.hash:
                    this.inside = "line";
                    return at + 1;
                case Byte.dash:
                    if (next === Byte.dash && isBlank(data[at + 2] ?? Byte.newline)) {
                        this.inside = "line";
                        return at + 2;
                    }
                    break;
                case Byte.slash:
                    if (next === Byte.star) {
                        if (!/^\/\*M?!/.test(data.toString("latin1", at, at + 4))) {
                            this.inside = "block";
                        } else {
                            this.conditions += 1;
                        }
                        return at + 2;
                    }
                    break;
                case Byte.star:
                    if (next === Byte.slash && this.conditions > 0) {
                        this.conditions -= 1;
                        at += 1;
                    }
                    break;
                case Byte.backslash:
                    throw clientCommand(data, at);
            }
            at += 1;
        }
    }

    private finish(data: Buffer, end: number): void {
        const last = data.subarray(this.start, end);
        const text = this.parts.length === 0 ? last : Buffer.concat([...this.parts, last]);
        this.found.push({ kind: "statement", text, groups: this.groups });
        this.start = -1;
        this.parts = [];
        this.size = 0;
        this.depth = 0;
        this.groups = 0;
        this.conditions = 0;
    }

    private quotes(data: Buffer, from: number, final: boolean): number {
        const { quote } = this;
        let at = from;
        while (at < data.length) {
            const byte = data[at];
            if (byte === quote) {
                // A quote that is doubled ends one text and begins the next.
                this.inside = "text";
                return at + 1;
            }
            if (byte === Byte.backslash && quote !== Byte.backtick) {
                if (at + 1 === data.length && !final) {
                    return at;
                }
                at += 2;
            } else {
                at += 1;
            }
        }
        return data.length;
    }

    private line(data: Buffer, from: number, final: boolean): number {
        const newline = data.indexOf(Byte.newline, from);
        if (newline < 0 && !final) {
            // A comment between statements is told as a whole.
            return this.start < 0 && this.parts.length === 0 ? from : data.length;
        }
        const end = newline < 0 ? data.length : newline;
        if (this.start < 0 && this.parts.length === 0) {
            this.found.push({
                kind: "comment",
                text: data
                    .toString("utf8", from, end)
                    .replace(/^(--|#) ?/, "")
                    .trimEnd(),
            });
        }
        this.inside = "text";
        return end;
    }

    private block(data: Buffer, from: number, final: boolean): number {
        const end = data.indexOf("*/", from);
        if (end < 0) {
            return final ? data.length : Math.max(from, data.length - 1);
        }
        this.inside = "text";
        return end + 2;
    }
}

function isBlank(byte: number): boolean {
    return byte === Byte.space || (byte >= Byte.tab && byte <= 13);
}

function clientCommand(data: Buffer, at: number): DumpError {
    const command = /^\\./.exec(data.toString("latin1", at, at + 2))?.[0] ?? "\\";
    return new DumpError(`holds the client command ${command}, which mysqldump never writes`);
}
