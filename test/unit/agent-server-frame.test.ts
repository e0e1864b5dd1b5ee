import { describe, expect, test } from "vitest";
import { DumpLexer } from "../../agent/backup/lexer";
import { DumpError } from "../../agent/backup/piece";
import { ServerFrame } from "../../agent/backup/server-frame";
import { Refusal } from "../../agent/refusal";

/** What of a dump of a whole server is a database's, and what was left out. */
function taken(dump: string, database = "shop"): { statements: string[]; leftOut: string[] } {
    const lexer = new DumpLexer();
    const frame = new ServerFrame(database, "backup", { databases: [{ name: database, owner: "a" }] });
    const pieces = [...lexer.push(Buffer.from(dump)), ...lexer.end()].filter((piece) => frame.takes(piece));
    frame.end();
    return {
        statements: pieces.map((piece) => (piece.kind === "rows" ? piece.bytes : piece.text).toString()),
        leftOut: frame.leftOut(),
    };
}

const title = "--\n-- PostgreSQL database dump\n--\n";
const trailer = "--\n-- PostgreSQL database dump complete\n--\n";
const closing = "--\n-- PostgreSQL database cluster dump complete\n--\n";

/** A database's part: it is connected to before its title by older versions, after it by newer ones. */
const older = (connect: string, sql: string) => `${connect}\n\nSET x = 1;\n${title}${sql}\n${trailer}`;
const newer = (connect: string, sql: string) =>
    `${title}\\restrict abc\nCREATE DATABASE d;\n\\unrestrict abc\n${connect}\n\\restrict abc\n${sql}\n${trailer}\\unrestrict abc\n`;

describe.each([
    ["newer", newer, ["SELECT 2;"]],
    ["older", older, ["SET x = 1;", "SELECT 2;"]],
])("a dump as %s versions write it", (_, part, statements) => {
    const dump = (connect: string) =>
        `CREATE ROLE a;\n${part("\\connect before", "SELECT 1;")}${part(connect, "SELECT 2;")}${part("\\connect behind", "SELECT 3;")}${closing}`;

    test.each([
        ["shop", "\\connect shop"],
        ["order", '\\connect "order"'],
        ['a "b"', '\\connect "a ""b"""'],
        ["it's \\ =x", `\\encoding SQL_ASCII\n\\connect -reuse-previous=on "dbname='it\\'s \\\\ =x'"`],
        ["ünï", `\\connect -reuse-previous=on "dbname='ünï'"`],
    ])("holds the database %s", (database, connect) => {
        expect(taken(dump(connect), database)).toEqual({
            statements,
            leftOut: ["2 other databases (before, behind)", "the definitions of 1 role"],
        });
        expect(() => taken(dump(connect), "other")).toThrow(Refusal);
        expect(() => taken(dump(connect), "other")).toThrow(`which are before, ${database}, behind.`);
    });
});

test("roles, their passwords and tablespaces are counted where they are made", () => {
    const { leftOut } = taken(
        "CREATE ROLE a;\nALTER ROLE a WITH LOGIN PASSWORD 'x';\nCREATE ROLE b;\n" +
            "ALTER ROLE b WITH NOLOGIN PASSWORD 'y' VALID UNTIL '2030-01-01';\nCREATE ROLE \"c PASSWORD 'z'\";\n" +
            "ALTER ROLE \"c PASSWORD 'z'\" WITH LOGIN;\nALTER ROLE a SET note TO ' PASSWORD ''x''';\n" +
            `CREATE TABLESPACE t LOCATION '/t';\n${newer("\\connect shop", "CREATE ROLE d;")}${closing}`,
    );
    expect(leftOut).toEqual(["the definitions of 3 roles", "the passwords of 2 of them", "1 tablespace"]);
});

test("a number of databases that was not expected is told with both numbers and the names", () => {
    const dump = ["template1", "postgres", "shop", "zebra"].map((name) => newer(`\\connect ${name}`, "")).join("");
    const end = (expectedCount: number) => {
        const lexer = new DumpLexer();
        const frame = new ServerFrame("shop", "backup", { databases: [{ name: "shop", owner: "a" }], expectedCount });
        for (const piece of [...lexer.push(Buffer.from(dump + closing)), ...lexer.end()]) {
            frame.takes(piece);
        }
        frame.end();
    };
    expect(() => end(2)).not.toThrow();
    expect(() => end(3)).toThrow("The backup backup holds 2 databases (shop, zebra), and 3 were expected");
    expect(() => end(1)).toThrow(Refusal);
});

test("a server with nothing but its own databases is told from one with others", () => {
    const own = newer("\\connect template1", "") + newer("\\connect postgres", "") + closing;
    expect(() => taken(own)).toThrow("it holds none but template1 and postgres");
});

test.each([
    [
        "a closing line within a database",
        newer("\\connect shop", `SELECT 1;\n${trailer}SELECT 2;`) + closing,
        "where no database ends",
    ],
    ["a title within a database", newer("\\connect shop", title) + closing, "ends database shop without the line"],
    [
        "the server's closing line within a database",
        newer("\\connect shop", closing),
        "ends database shop without the line",
    ],
    ["a part without a title", `\\connect shop\nSELECT 1;\n${trailer}${closing}`, "where no database ends"],
    ["a part that connects to nothing", `${title}SELECT 1;\n${trailer}${closing}`, "where no database ends"],
    ["a database that comes twice", newer("\\connect shop", "").repeat(2) + closing, "holds database shop twice"],
    [
        "another database in the midst",
        newer("\\connect shop\n\\connect zebra", "") + closing,
        "goes over to database zebra",
    ],
    ["no name", newer("\\connect", "") + closing, "a \\connect command that pg_dumpall never writes"],
    ["more than a name", newer("\\connect shop admin", "") + closing, "a \\connect command"],
    [
        "another host",
        newer(`\\connect -reuse-previous=on "dbname='shop' host='x'"`, "") + closing,
        "a \\connect command",
    ],
    ["psql's shell", newer("\\connect other", "\\! id") + closing, "psql command \\!"],
    [
        "another encoding in the database",
        newer("\\connect shop", "\\encoding LATIN1") + closing,
        "psql command \\encoding",
    ],
    ["SQL after the end", `${newer("\\connect shop", "")}${closing}SELECT 1;\n`, "goes on after its end"],
    ["a database after the end", `${newer("\\connect shop", "")}${closing}\\connect x\n`, "goes on after its end"],
    ["no end", newer("\\connect shop", ""), "was broken off"],
])("%s is an error", (_, dump, reason) => {
    expect(() => taken(dump)).toThrow(DumpError);
    expect(() => taken(dump)).toThrow(reason);
});
