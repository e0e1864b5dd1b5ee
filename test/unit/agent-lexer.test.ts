import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DumpLexer } from "../../agent/backup/lexer";
import { DumpError, type Piece } from "../../agent/backup/piece";

/** A piece with its bytes as text; neighbouring rows are put together, since they are cut anywhere. */
type Read = [kind: Piece["kind"], text: string, count?: number];

function read(text: string | Buffer, cuts: number[] = []): Read[] {
    const bytes = Buffer.from(text);
    const lexer = new DumpLexer();
    const pieces: Piece[] = [];
    let from = 0;
    for (const cut of [...cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
        pieces.push(...lexer.push(bytes.subarray(from, cut)));
        from = cut;
    }
    pieces.push(...lexer.end());
    const all: Read[] = [];
    for (const piece of pieces) {
        const last = all.at(-1);
        if (piece.kind === "rows" && last?.[0] === "rows") {
            last[1] += piece.bytes.toString("latin1");
            last[2] = (last[2] ?? 0) + piece.count;
        } else if (piece.kind === "rows") {
            all.push(["rows", piece.bytes.toString("latin1"), piece.count]);
        } else {
            all.push([piece.kind, piece.text.toString()]);
        }
    }
    return all;
}

const statements = (text: string) => read(text).map(([, statement]) => statement);

describe("what ends a statement, and what does not", () => {
    test.each([
        ["a string", "select ';', 'it''s; ' ;"],
        ["an escape string", "select E'it\\'s; \\\\', e';' ;"],
        ["a backslash in a plain string", "select 'a\\' ;"],
        ["a quoted name", 'select "a;""b;" from x ;'],
        ["a body in dollars", "do $$ begin; end; $$ ;"],
        ["a body with a tag", "do $a1$ ; $$ ; $b$ ; $a1$ ;"],
        ["dollars in a name", "select a$b$c, d$$e, $1 ;"],
        ["a comment to the end of the line", "select 1 -- ; '\n + 2 ;"],
        ["nested comments", "select /* ; /* ' */ ; */ 1 ;"],
        ["parentheses", "create rule r as on insert to t do (insert into a; insert into b) ;"],
        [
            "a body in standard SQL",
            "create or replace function f() begin atomic select case when a then 1 end; select 2; end ;",
        ],
        ["names of many bytes", 'create table ünï ("☃;") ;'],
    ])("%s", (_, statement) => {
        expect(statements(`${statement}\nselect 2;`)).toEqual([statement, "select 2;"]);
    });

    test("a column called begin opens no body outside of a function", () => {
        expect(statements("create table t (begin int); select begin; select 1;")).toHaveLength(3);
    });
});

describe("rows", () => {
    const copy = (name: string, rows: string) => `COPY ${name} (a) FROM stdin;\n${rows}\\.\n`;

    test.each([
        ["none", "", 0],
        ["one", "1\n", 1],
        ["empty lines", "\n\n\n", 3],
        ["text like the end", "a\\.\n\\\\.\nx\\.x\n\\.x\n", 4],
        ["text like statements and commands", "';\n\\! x\n$$\n-- x\n", 4],
    ])("%s", (_, rows, count) => {
        const found = read(`${copy("t", rows)}select 1;`);
        expect(found).toEqual([
            ["statement", "COPY t (a) FROM stdin;"],
            ["rows", `\n${rows}\\.\n`, count],
            ["statement", "select 1;"],
        ]);
    });

    test("are not looked for after COPY from a file", () => {
        expect(statements("COPY t FROM '/x'; select 1;")).toEqual(["COPY t FROM '/x';", "select 1;"]);
    });
});

const sample = [
    "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET a = 'b''c';\n",
    'COPY public."t;" (a, b) FROM stdin;\n1\t\\N\n\\\\.\n\n\\.\n\nCOPY e  FROM stdin;\n\\.\n',
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN 1 > 0 THEN 1 END; END;\n",
    "DO $x$ ; $$ $y$ ' $x$;\nSELECT E'\\'' /* /* */ ; */, $1 -- ; \n;\nINSERT INTO x VALUES ('ü;', \"\"\"\");\n",
    "-- PostgreSQL database dump complete\n\\unrestrict abc\n",
].join("");

test("where a dump is cut into chunks makes no difference", () => {
    const whole = read(sample);
    expect(whole.filter(([kind]) => kind === "statement")).toHaveLength(7);
    fc.assert(
        fc.property(fc.array(fc.nat({ max: 2000 }), { maxLength: 30 }), (cuts) => {
            expect(read(sample, cuts)).toEqual(whole);
        }),
        { numRuns: 500 },
    );
    expect(
        read(
            sample,
            Array.from(Buffer.from(sample), (_, at) => at),
        ),
    ).toEqual(whole);
});

test("any rows pass byte by byte, and are counted", () => {
    const row = fc.uint8Array({ maxLength: 12 }).map((bytes) =>
        Buffer.from(bytes)
            .toString("latin1")
            .replaceAll(/[\n\r\\]/g, "."),
    );
    fc.assert(
        fc.property(
            fc.array(row, { maxLength: 20 }),
            fc.array(fc.nat({ max: 400 }), { maxLength: 5 }),
            (rows, cuts) => {
                const data = `\n${rows.map((text) => `${text}\n`).join("")}\\.\n`;
                const found = read(Buffer.from(`COPY t FROM stdin;${data}`, "latin1"), cuts);
                expect(found.slice(1)).toEqual([["rows", data, rows.length]]);
            },
        ),
    );
});

test("comments and commands between statements are told apart", () => {
    expect(read("-- Dumped by pg_dump version 15\n\\connect shop\nselect 1;\n\\! rm -r /\n")).toEqual([
        ["comment", "Dumped by pg_dump version 15"],
        ["command", "\\connect shop"],
        ["statement", "select 1;"],
        ["command", "\\! rm -r /"],
    ]);
});

test.each([
    ["a command inside a statement", "select 1 \\gexec\n;", "psql command \\gexec inside a statement"],
    ["an unfinished statement", "select 1", "in the middle of a statement"],
    ["an unfinished string", "select 'a;", "in the middle of a statement"],
    ["an unfinished body", "do $a$ ; $b$;", "in the middle of a statement"],
    ["unfinished rows", "COPY t FROM stdin;\n1\n2", "in the middle of a table's rows"],
    ["no rows at all", "COPY t FROM stdin;", "in the middle of a table's rows"],
    ["something behind COPY", "COPY t FROM stdin; select 1;\n\\.\n", "on the same line"],
    ["line ends of Windows", "COPY t FROM stdin;\r\n1\r\n\\.\r\n", "line ends of Windows"],
])("%s is an error", (_, text, reason) => {
    expect(() => read(text)).toThrow(DumpError);
    expect(() => read(text)).toThrow(reason);
});
