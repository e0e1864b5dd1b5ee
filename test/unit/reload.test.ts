import { describe, expect, test } from "vitest";
import { mayHold } from "../../agent/backup/archive";
import { DumpLexer } from "../../agent/backup/lexer";
import { changedTables } from "../../agent/postgres/reload/changes";
import { TablesFrame } from "../../agent/postgres/reload/frame";
import type { DumpedDatabase } from "../../contract/manifest";
import type { DatabaseReport } from "../../contract/report";

describe("the tables that have changed", () => {
    const schema = "5".repeat(64);
    const table = (sha256: string, bytes: number, rows = 1) => ({ rows, bytes, sha256 });
    const tables = { small: table("a", 10), large: table("b", 100), other: table("c", 20) };
    const loaded = { schema, tables } as unknown as DatabaseReport;
    const found = (changed: object, of = loaded) =>
        changedTables(of, { schema, tables: { ...tables, ...changed } } as unknown as DumpedDatabase);

    test("are those with another hash or another number of rows", () => {
        expect(found({})).toEqual([]);
        expect(found({ small: table("z", 10), other: table("c", 20, 2) })).toEqual(["small", "other"]);
        expect(
            found({ small: table("z", 10) }, { ...loaded, tables: { ...tables, other: { rows: 1, bytes: 20 } } }),
        ).toEqual(["small", "other"]);
    });

    test("are not told where most has changed", () => {
        expect(found({ large: table("z", 100) })).toBeUndefined();
        expect(found({ other: table("z", 110) })).toEqual(["other"]);
        expect(found({ other: table("z", 111) })).toBeUndefined();
    });

    test("are not told where the schema is another one, or was not known", () => {
        expect(found({}, { ...loaded, schema: "6".repeat(64) })).toBeUndefined();
        const { schema: _, ...without } = loaded;
        expect(found({}, without as DatabaseReport)).toBeUndefined();
    });
});

describe("the part of a dump that is about some tables", () => {
    const taken = (sql: string, ...tables: string[]) => {
        const lexer = new DumpLexer();
        const frame = new TablesFrame(
            { takes: ({ kind }) => kind !== "comment", end: () => undefined },
            new Set(tables),
        );
        const pieces = [...lexer.push(Buffer.from(sql)), ...lexer.end()];
        return pieces
            .filter((piece) => frame.takes(piece))
            .map((piece) =>
                (piece.kind === "rows" ? piece.bytes : "text" in piece ? piece.text : "").toString().trim(),
            );
    };

    test("is their rows, indexes and keys, and the settings that all are read with", () => {
        const settings = ["SET client_encoding = 'UTF8';", "SELECT pg_catalog.set_config('search_path', '', false);"];
        const index = "CREATE INDEX i ON public.a USING btree (n);";
        const statistics = "ALTER INDEX public.i ALTER COLUMN 1 SET STATISTICS 7;";
        const comment = "COMMENT ON INDEX public.i IS 'x';";
        const key = "ALTER TABLE ONLY public.b\n    ADD CONSTRAINT k FOREIGN KEY (n) REFERENCES public.a(n);";
        const sql = [
            ...settings,
            "CREATE TABLE public.a (n integer);",
            "SET SESSION AUTHORIZATION 'somebody';",
            "COPY public.b (n) FROM stdin;\n1\n\\.\n",
            "COPY public.a (n) FROM stdin;\n2\n\\.\n",
            "SELECT pg_catalog.setval('public.s', 3, true);",
            "CREATE INDEX i ON public.b USING btree (n);",
            ...["ALTER INDEX public.i ALTER COLUMN 1 SET STATISTICS 7;", index, statistics, comment, key],
            "COMMENT ON TABLE public.a IS 'x';",
            "ALTER INDEX public.i ALTER COLUMN 1 SET STATISTICS 7;",
            "",
        ].join("\n");
        expect(taken(sql, "public.a")).toEqual([
            ...settings,
            "COPY public.a (n) FROM stdin;",
            "2\n\\.",
            ...[index, statistics, comment, key],
        ]);
        expect(taken(sql)).toEqual(settings);
    });
});

test("rows in an archive are found by their table's name, whatever is in it", () => {
    const entry = (name: string) => `3456; 0 16385 TABLE DATA ${name} shop`;
    expect(mayHold(entry("public event"), ["public.event"])).toBe(true);
    expect(mayHold(entry("public events"), ["public.event"])).toBe(false);
    expect(mayHold(entry("Weird schema; -- a.b"), ['"Weird schema; --"."a.b"'])).toBe(true);
    expect(mayHold(entry("public new line"), ['public."new\nline"'])).toBe(true);
    expect(mayHold(entry(Buffer.from('public "ünï').toString("latin1")), ['public."""ünï"'])).toBe(true);
    expect(mayHold("3456; 0 16385 SEQUENCE SET public event shop", ["public.event"])).toBe(false);
});
