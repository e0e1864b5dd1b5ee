import { describe, expect, test } from "vitest";
import { copiedColumns, madeTable, unvalidatedConstraint } from "../../agent/backup/table";

describe("the columns that a COPY statement fills", () => {
    test.each<[string, string[]]>([
        ["COPY public.item (id, name) FROM stdin;", ["id", "name"]],
        [
            'COPY "Weird (schema)"."t, (a)" ("a, b", "c)", "say ""so""", ünï$1) FROM stdin;',
            ["a, b", "c)", 'say "so"', "ünï$1"],
        ],
        ["COPY public.no_columns  FROM stdin;", []],
    ])("%s", (sql, columns) => {
        expect(copiedColumns(Buffer.from(sql))).toEqual(columns);
    });
});

describe("the table that a statement makes", () => {
    test.each<[string, string | undefined]>([
        ["CREATE TABLE public.item (\n    id integer\n);", "public.item"],
        ['CREATE UNLOGGED TABLE public."a "" b" (\n    id integer\n);', 'public."a "" b"'],
        ["CREATE TABLE public.child (\n    b integer\n)\nINHERITS (public.parent);", "public.child"],
        ["CREATE TABLE public.typed OF public.pair;", "public.typed"],
        ["CREATE TABLE public.event (\n    n integer\n)\nPARTITION BY HASH (n);", undefined],
        ["CREATE FOREIGN TABLE public.far (\n    n integer\n)\nSERVER far;", undefined],
        ["CREATE VIEW public.seen AS\n SELECT 1;", undefined],
    ])("%s", (sql, table) => {
        expect(madeTable(Buffer.from(sql))).toBe(table);
    });
});

describe("the constraint that is added without a look at the rows", () => {
    test.each<[string, string[] | undefined]>([
        [
            "ALTER TABLE public.item\n    ADD CONSTRAINT positive CHECK ((price > 0)) NOT VALID;",
            ["public", "item", "positive"],
        ],
        [
            'ALTER TABLE ONLY "S; 1".item\n    ADD CONSTRAINT "a "" b" FOREIGN KEY (of) REFERENCES public.other(id) NOT VALID;',
            ["S; 1", "item", 'a " b'],
        ],
        ["ALTER DOMAIN public.price\n    ADD CONSTRAINT c CHECK ((VALUE > 0)) NOT VALID;", ["public", "price", "c"]],
        ["ALTER TABLE public.item\n    ADD CONSTRAINT positive CHECK ((name <> ' NOT VALID'::text));", undefined],
        ["ALTER TABLE public.item OWNER TO shop;", undefined],
    ])("%s", (sql, constraint) => {
        expect(unvalidatedConstraint(Buffer.from(sql))).toEqual(constraint);
    });
});
