/** A statement of SQL. */
export interface Statement {
    kind: "statement";
    /** The statement with its semicolon. */
    text: Buffer;
    /** Its first words in lower case, quoted names left out. */
    words: string[];
}

/** A part of a plain SQL dump, in the order of the dump. */
export type Piece =
    | Statement
    | {
          kind: "rows";
          /** A part of a COPY statement's data, end marker included; cut anywhere. */
          bytes: Buffer;
          /** Rows that begin in it. */
          count: number;
      }
    /** A comment of one line between statements, without its dashes. */
    | { kind: "comment"; text: string }
    /** A command to psql between statements: a line that begins with a backslash. */
    | { kind: "command"; text: string };

/** The text is not what pg_dump writes. The message is the end of a sentence that begins with the backup's name. */
export class DumpError extends Error {}
