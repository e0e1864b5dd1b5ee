import { describe, expect, test } from "vitest";
import { DumpLexer } from "../../agent/backup/lexer";
import { copiedTable, direct, positionIn } from "../../agent/backup/statement";

const cast = { owner: "shop", standIn: "load_er", load: "group", aliases: ["shop", "postgres", "admin"] };

function directed(sql: string, to = cast) {
    const [piece] = new DumpLexer().push(Buffer.from(sql));
    if (piece?.kind !== "statement") {
        throw new Error("no statement");
    }
    const direction = direct(piece.text, piece.words, to);
    return { ...direction, ...("text" in direction && { text: direction.text.toString() }) };
}

describe("roles", () => {
    test.each([
        ["ALTER TABLE public.t OWNER TO shop;", 'ALTER TABLE public.t OWNER TO "load_er";', [], []],
        ["ALTER TABLE public.t OWNER TO postgres;", 'ALTER TABLE public.t OWNER TO "load_er";', [], []],
        ['ALTER FUNCTION "OWNER TO"(a text) OWNER TO "An ""x""";', undefined, ['An "x"'], ['An "x"']],
        ["ALTER TABLE t ALTER COLUMN owner SET DEFAULT 'OWNER TO x';", undefined, [], []],
        ["GRANT SELECT ON TABLE t TO reader;", undefined, ["reader"], []],
        ["GRANT SELECT ON TABLE t TO PUBLIC;", undefined, [], []],
        [
            "GRANT ALL ON TABLE t TO shop WITH GRANT OPTION;",
            'GRANT ALL ON TABLE t TO "shop", "load_er" WITH GRANT OPTION;',
            ["shop"],
            [],
        ],
        ["REVOKE ALL ON TABLE t FROM admin;", 'REVOKE ALL ON TABLE t FROM "shop", "load_er";', ["shop"], []],
        ['GRANT SELECT("to","from") ON TABLE "to" TO a, "B", PUBLIC;', undefined, ["a", "B"], []],
        ["CREATE POLICY p ON t FOR SELECT TO a, b USING ((x = 'to y'::text));", undefined, ["a", "b"], []],
        [
            "CREATE POLICY p ON t TO postgres WITH CHECK (true);",
            'CREATE POLICY p ON t TO "shop" WITH CHECK (true);',
            ["shop"],
            [],
        ],
        ["SET SESSION AUTHORIZATION reader;", 'SET ROLE "reader";', ["reader"], ["reader"]],
        ["SET SESSION AUTHORIZATION postgres;", "RESET ROLE;", [], []],
        ["RESET SESSION AUTHORIZATION;", "RESET ROLE;", [], []],
        ["ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT SELECT ON TABLES TO b;", undefined, ["b", "a"], ["a"]],
        ["GRANT SELECT ON TABLE t TO ünï;", undefined, ["ünï"], []],
    ])("%s", (sql, text = sql, roles, members) => {
        expect(directed(sql)).toEqual({ kind: "pass", text, roles, members });
    });

    test.each([
        "ALTER TABLE t OWNER TO shop;",
        "GRANT SELECT ON TABLE t TO shop;",
        "CREATE POLICY p ON t TO a, shop;",
        "SET SESSION AUTHORIZATION shop;",
        "ALTER DEFAULT PRIVILEGES FOR ROLE shop GRANT SELECT ON TABLES TO b;",
    ])("%s of a production whose owner is called otherwise is refused: two roles would become one", (sql) => {
        expect(() => directed(sql, { ...cast, aliases: ["keeper", "postgres"] })).toThrow(
            "names role shop, which is not the database's owner in production: set another database.owner",
        );
    });

    test("the owner's default privileges wait until the end", () => {
        expect(
            directed("ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA a REVOKE ALL ON TABLES FROM shop;"),
        ).toEqual({
            kind: "defer",
            text: 'ALTER DEFAULT PRIVILEGES FOR ROLE "shop" IN SCHEMA a REVOKE ALL ON TABLES FROM "shop";',
            roles: ["shop"],
        });
    });

    test("whoever loads may create in a new schema", () => {
        expect(directed('CREATE SCHEMA "a; b";')).toMatchObject({ after: 'GRANT CREATE ON SCHEMA "a; b" TO "group";' });
    });
});

test.each([
    "CREATE DATABASE shop WITH TEMPLATE = template0;",
    "DROP DATABASE IF EXISTS shop;",
    "ALTER DATABASE shop SET search_path TO 'x';",
    "COMMENT ON DATABASE shop IS 'x';",
    "GRANT CONNECT,TEMPORARY ON DATABASE shop TO x;",
    "ALTER ROLE x IN DATABASE shop SET a TO 'b';",
    "COMMENT ON EXTENSION plpgsql IS 'x';",
    "DROP EXTENSION IF EXISTS plpgsql;",
    "SET default_tablespace = '';",
    "SET transaction_timeout = 0;",
    "CREATE SUBSCRIPTION s CONNECTION 'host=production' PUBLICATION p;",
    "ALTER PUBLICATION p ADD TABLE ONLY t;",
])("left out: %s", (sql) => {
    expect(directed(sql).kind).toBe("skip");
});

test.each([
    "COMMENT ON EXTENSION hstore IS 'x';",
    "CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;",
    "INSERT INTO t VALUES ('DROP DATABASE shop; OWNER TO postgres;');",
    'CREATE TABLE "database" (a integer);',
    "COMMENT ON TABLE database IS 'x';",
])("passed as it is: %s", (sql) => {
    expect(directed(sql)).toEqual({ kind: "pass", text: sql, roles: [], members: [] });
});

test("what statements do that the proof counts", () => {
    expect(positionIn(Buffer.from(`SELECT pg_catalog.setval('public."it''s"', -5, false);`))).toEqual({
        sequence: `public."it's"`,
        value: "-5",
        called: false,
    });
    expect(positionIn(Buffer.from("SELECT pg_catalog.set_config('search_path', '', false);"))).toBeUndefined();
    expect(copiedTable(Buffer.from('COPY public."a b" (c) FROM stdin;'))).toBe('public."a b"');
    expect(copiedTable(Buffer.from("COPY public.zero  FROM stdin;"))).toBe("public.zero");
});
