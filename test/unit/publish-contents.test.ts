import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DumpLexer } from "../../agent/backup/lexer";
import { Contents } from "../../agent/publish/contents";

const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");

describe("the contents of a dump", () => {
    const row = fc.string({ unit: fc.constantFrom("a", "\t", "\\\\", ".", "\\N", "ü", "") });
    const tables = fc.uniqueArray(
        fc.tuple(fc.constantFrom("public.a", 'public."b "" c"', "s.d", "s.e"), fc.array(row)),
        {
            selector: ([name]) => name,
        },
    );

    it("are counted and hashed row by row, wherever the chunks are cut", () => {
        fc.assert(
            fc.property(tables, fc.integer({ min: 1, max: 40 }), (written, length) => {
                const copies = written.map(
                    ([name, rows]) =>
                        `COPY ${name} (x) FROM stdin;\n${rows.map((line) => `${line}\n`).join("")}\\.\n\n\n`,
                );
                const text = Buffer.from(`SET a = 1;\n${copies.join("")}SELECT pg_catalog.setval('s.q', 7, true);\n`);
                const lexer = new DumpLexer();
                const contents = new Contents();
                for (let at = 0; at < text.length; at += length) {
                    lexer.push(text.subarray(at, at + length)).map((piece) => contents.take(piece));
                }
                lexer.end().map((piece) => contents.take(piece));
                const expected = written.map(([name, rows]) => {
                    const lines = Buffer.from(rows.map((line) => `${line}\n`).join(""));
                    return [name, { rows: rows.length, bytes: lines.length, sha256: sha256(lines) }];
                });
                expect(contents.held()).toEqual({
                    schema: expect.stringMatching(/^[0-9a-f]{64}$/),
                    tables: Object.fromEntries(expected),
                    largeObjects: { count: 0, sha256: sha256("") },
                    sequences: { "s.q": { value: "7", called: true } },
                });
            }),
        );
    });

    it("hold large objects, whose data comes in parts and whose order means nothing", () => {
        const written = (...objects: [id: string, ...parts: string[]][]) => {
            const contents = new Contents();
            const statements = objects.map(([id, ...parts]) => [
                `SELECT pg_catalog.lo_open('${id}', 131072);`,
                ...parts.map((part) => `SELECT pg_catalog.lowrite(0, '\\x${Buffer.from(part).toString("hex")}');`),
                "SELECT pg_catalog.lo_close(0);",
            ]);
            const made = objects.map(([id]) => `SELECT pg_catalog.lo_create('${id}');`);
            for (const piece of new DumpLexer().push(Buffer.from([...made, ...statements.flat(), ""].join("\n")))) {
                contents.take(piece);
            }
            return contents.held().largeObjects;
        };
        const lines = [`16400 ${sha256("one and two")}\n`, `9 ${sha256("")}\n`];
        expect(written(["9"], ["16400", "one ", "and two"])).toEqual({ count: 2, sha256: sha256(lines.join("")) });
        expect(written(["16400", "one and ", "two"], ["9"])).toEqual({ count: 2, sha256: sha256(lines.join("")) });
        expect(written(["16400", "one and ", "TWO"], ["9"]).sha256).not.toBe(sha256(lines.join("")));
    });

    it("are of the same schema whatever the rows, the sequences' positions and the order, and of no other", () => {
        const schema = (...statements: string[]) => {
            const contents = new Contents();
            const lexer = new DumpLexer();
            for (const piece of [...lexer.push(Buffer.from(statements.join("\n"))), ...lexer.end()]) {
                contents.take(piece);
            }
            return contents.held().schema;
        };
        const [table, rows] = ["CREATE TABLE a (n integer);", "COPY a (n) FROM stdin;\n1\n\\.\n"];
        const same = schema(table, rows, "SELECT pg_catalog.setval('s', 7, true);", "ANALYZE;");
        expect(schema(rows.replace("1", "2"), "ANALYZE;", "SELECT pg_catalog.setval('s', 8, true);", table)).toBe(same);
        expect(schema(table.replace("integer", "bigint"), rows, "ANALYZE;")).not.toBe(same);
        expect(schema(table, rows.replace("(n)", "(m)"), "ANALYZE;")).not.toBe(same);
        expect(schema(table, rows)).not.toBe(same);
    });
});
