import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TableRules } from "../../contract/masking";
import { databaseReport } from "../../contract/report";
import { sweep } from "../sweep";
import { aside, frame, ids, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
const [first, second, third] = ids;

/** Tables with the same word, which differ in what stands in the way of masking them. */
const words = ["plain", "collated", "stored", "seen", "parent", "child"];

const schema = `
CREATE TABLE public.person (id integer PRIMARY KEY, email character varying(40) UNIQUE, name text NOT NULL,
    phone text, password text, note jsonb, tags text[], grade text, level integer,
    upper text GENERATED ALWAYS AS (upper(name)) STORED);
CREATE TABLE public.letter (id integer PRIMARY KEY, recipient character varying(40), body text);
CREATE TABLE public.log (text text);
CREATE TABLE public.event (at date, who text) PARTITION BY RANGE (at);
CREATE TABLE public.event_1 PARTITION OF public.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE public.number (n integer, u uuid);
CREATE DOMAIN public.short AS character varying(5);
CREATE TABLE public.memo (text text);
ALTER TABLE public.memo OWNER TO "App Owner";
CREATE SCHEMA other;
CREATE TABLE other.thing (word public.short);
CREATE FUNCTION public.remember() RETURNS trigger LANGUAGE plpgsql AS $$begin
    insert into public.log values (old.name); return new; end$$;
CREATE MATERIALIZED VIEW public.greeting AS SELECT 'Dear ' || name AS text FROM public.person WITH NO DATA;
${["person", "letter", "log", "event", "event_1", "number"].map((table) => `ALTER TABLE public.${table} OWNER TO shop;`).join("\n")}
ALTER MATERIALIZED VIEW public.greeting OWNER TO shop;
ALTER SCHEMA other OWNER TO shop;
ALTER TABLE other.thing OWNER TO shop;
ALTER FUNCTION public.remember() OWNER TO shop;
CREATE TYPE public.pair AS (a text, b text);
CREATE TABLE public.couple (both_of public.pair);
CREATE FUNCTION public.climb(public.pair) RETURNS text LANGUAGE plpgsql AS $$begin
    begin create role climbed superuser; exception when insufficient_privilege then null; end; return 'text'; end$$;
${["TABLE public.couple", "TYPE public.pair", "FUNCTION public.climb(public.pair)"].map((what) => `ALTER ${what} OWNER TO shop;`).join("\n")}
CREATE CAST (public.pair AS text) WITH FUNCTION public.climb(public.pair);
CREATE TABLE public.plain (id integer PRIMARY KEY, word character varying(40) DEFAULT 'none' UNIQUE CHECK (word <> ''), rest text);
COMMENT ON COLUMN public.plain.word IS 'a word';
CREATE TABLE public.collated (word text COLLATE "C");
CREATE TABLE public.stored (word text);
ALTER TABLE public.stored ALTER COLUMN word SET STORAGE EXTERNAL;
CREATE TABLE public.seen (word text);
CREATE VIEW public.view AS SELECT word FROM public.seen;
CREATE TABLE public.parent (word text);
CREATE TABLE public.child () INHERITS (public.parent);
${[...words, "view"].map((table) => `ALTER TABLE public.${table} OWNER TO shop;`).join("\n")}
CREATE INDEX lower ON public.plain (lower(word));
`;
const people = [
    ["1", "ann@example.org", "Ann Example", "+41 44 1", "pbkdf2$1", '{"a": 1}', "{x,y}", "good", "1"],
    ["2", "Bob@Example.org", "Bob Example", "+41 44 2", "pbkdf2$2", '{"b": 2}', "{z}", "fair", "2"],
    ["3", "\\N", "Carl", "", "\\N", "\\N", "\\N", "poor", "3"],
];
const rows = `
COPY public.person (id, email, name, phone, password, note, tags, grade, level) FROM stdin;
${people.map((row) => row.join("\t")).join("\n")}
\\.
COPY public.letter (id, recipient, body) FROM stdin;
1\tBob@Example.org\tDear Bob, …
2\tann@example.org\tDear Ann, …
\\.
COPY public.event_1 (at, who) FROM stdin;
2026-02-02\tAnn Example
\\.
COPY public.memo (text) FROM stdin;
Ann called
\\.
COPY public.couple (both_of) FROM stdin;
(Ann,Bob)
\\.
COPY other.thing (word) FROM stdin;
words
\\.
COPY public.plain (id, word, rest) FROM stdin;
1\tword\trest
\\.
${words
    .slice(1)
    .map((table) => `COPY public.${table} (word) FROM stdin;\nword\n\\.\n`)
    .join("")}`;
const rest = `
ALTER TABLE public.letter ADD CONSTRAINT known FOREIGN KEY (recipient) REFERENCES public.person(email);
ALTER TABLE public.person ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.person FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON public.person USING (id < 2);
CREATE TRIGGER remember BEFORE UPDATE ON public.person FOR EACH ROW EXECUTE FUNCTION public.remember();
ALTER TABLE public.person ENABLE ALWAYS TRIGGER remember;
REFRESH MATERIALIZED VIEW public.greeting;
`;

/** A rule for every column with text. */
const rules: TableRules = {
    person: {
        ...{ email: "email", name: "name", phone: "phone", password: "unusable", note: "null", tags: { fixed: "{}" } },
        grade: "shuffle",
        level: { sql: "value + 10" },
    },
    letter: { recipient: "email", body: { sql: "'A letter of ' || length(value) || ' characters'" } },
    log: "keep",
    memo: { text: "hash" },
    event: { who: "name" },
    couple: { both_of: "null" },
    "other.thing": { word: "hash" },
    plain: { word: "hash", rest: "keep" },
    ...Object.fromEntries(words.slice(1).map((table) => [table, { word: "hash" }])),
};

beforeAll(async () => {
    replica = await startReplica();
    replica.store(stampBefore(3600), frame(`${schema}${rows}${rest}`));
    writeFileSync(join(replica.folder, "secrets/masking"), "a key");
    expect(await replica.run("prepare-database", replica.plan(first, first))).toMatchObject({ status: 0 });
});
afterAll(() => replica?.stop());

/** A plan whose databases are masked by rules. */
const masked = (id: string, tables: TableRules, forbidden: string[] = []) =>
    replica.plan(id, first, (plan) => {
        const keyFile = join(replica.folder, "secrets/masking");
        plan.masking = { file: "masking.yaml", databases: { shop: tables }, keyFile, forbidden };
    });
const query = (id: string, sql: string) => replica.server.query(aside(id), sql);
const columns = "select id, email, name, phone, password, note, tags, level from person order by id";

describe("a copy with rules for its columns", () => {
    let report: ReturnType<typeof databaseReport.parse>;
    beforeAll(async () => {
        const { status, sentence } = await replica.run("prepare-database", masked(second, rules, ["@example.org"]));
        expect(sentence).toMatch(/is restored and proven/);
        expect(status).toBe(0);
        const [row] = await replica.server.query(
            "postgres",
            `select report from understudy.generation where id = '${second}'`,
        );
        report = databaseReport.parse(row?.report);
    });

    test("holds nothing of them, and what is empty stays empty", async () => {
        expect(await query(second, columns)).toEqual([
            {
                ...{ id: 1, email: expect.stringMatching(/^[0-9a-f]{16}@replica\.invalid$/) },
                ...{
                    name: expect.stringMatching(/^[A-Z][a-z]{7} [A-Z][a-z]{7}$/),
                    phone: expect.stringMatching(/^\+999\d{9}$/),
                },
                ...{ password: "!", note: null, tags: [], level: 11 },
            },
            {
                ...{ id: 2, email: expect.stringMatching(/@replica\.invalid$/), name: expect.any(String) },
                ...{ phone: expect.stringMatching(/^\+999/), password: "!", note: null, tags: [], level: 12 },
            },
            {
                ...{ id: 3, email: null, name: expect.stringMatching(/^[A-Z][a-z]{7} [A-Z][a-z]{7}$/), phone: "" },
                ...{ password: "!", note: null, tags: [], level: 13 },
            },
        ]);
        const text = await replica.server.tool("pg_dump", [aside(second)]);
        expect(text.toString()).not.toMatch(/Ann|Bob|Carl|example\.org|pbkdf2|\+41|words/i);
    });

    test("has what belongs together together, in every table", async () => {
        const joined = await query(
            second,
            "select p.id, body from letter join person p on recipient = email order by 1",
        );
        expect(joined).toEqual([
            { id: 1, body: "A letter of 11 characters" },
            { id: 2, body: "A letter of 11 characters" },
        ]);
        const [row] = await query(second, "select count(*)::int as n from event join person on who = name");
        expect(row).toEqual({ n: 1 });
        expect(await query(second, "select id, grade from person order by grade")).toMatchObject([
            { grade: "fair" },
            { grade: "good" },
            { grade: "poor" },
        ]);
    });

    test("has what is computed computed anew, and nothing that a change sets off", async () => {
        const [row] = await query(
            second,
            "select upper = upper(name) as same, (select count(*)::int from log) as logged from person",
        );
        expect(row).toEqual({ same: true, logged: 0 });
        expect(await query(second, "select text from greeting where text ~ 'Ann|Bob|Carl'")).toEqual([]);
    });

    test("has its schema as it was", async () => {
        const schemaOf = async (id: string) =>
            (await replica.server.tool("pg_dump", ["--schema-only", aside(id)]))
                .toString()
                .replaceAll(/^\\(un)?restrict.*$/gm, "");
        expect((await schemaOf(second)).replaceAll(second, first)).toBe(await schemaOf(first));
    });

    test("was looked at without a call to what production left behind a name", async () => {
        expect(await replica.server.query("postgres", "select from pg_roles where rolname = 'climbed'")).toEqual([]);
    });

    test("has the tables written anew in whose way nothing stands, and the others with the same values", async () => {
        // A row that was changed in its place stands behind the one that it was.
        const places = await Promise.all(words.map((table) => query(second, `select ctid::text from only ${table}`)));
        expect(places.flat().map(({ ctid }) => ctid)).toEqual(["(0,1)", ...words.slice(1).map(() => "(0,2)")]);
        const all = words.map((table) => `select word from ${table}`).join(" union all ");
        const [row] = await query(
            second,
            `select count(*)::int, array_agg(distinct word) as words from (${all}) as all_of_them`,
        );
        // What is in the child is in its parent as well.
        expect(row).toEqual({ count: words.length + 1, words: [expect.stringMatching(/^[0-9a-f]{32}$/)] });
        const [found] = await query(
            second,
            "set enable_seqscan = off; select id from plain where word = (select word from seen)",
        );
        expect(found).toEqual({ id: 1 });
    });

    test("says so in its report, without a value", () => {
        expect(report.masked).toMatchObject({
            columns: { "public.person.email": "email", "public.person.tags": "fixed", "public.person.level": "sql" },
            rows: expect.any(Number),
        });
    });

    test("has the same values again the next time, and others with another key", async () => {
        const emails = async (id: string) => query(id, "select email from person order by id");
        await replica.run("prepare-database", masked(third, rules));
        expect(await emails(third)).toEqual(await emails(second));
        writeFileSync(join(replica.folder, "secrets/masking"), "another key");
        await replica.run("prepare-database", masked("00000000ff", rules));
        expect(await emails("00000000ff")).not.toEqual(await emails(second));
    });
});

describe("a copy is not used", () => {
    sweep<[string, TableRules, RegExp]>([
        [
            "of which a column with text is in neither list, with the lines to add",
            {
                ...{ letter: "keep", event: "keep", couple: "keep", person: { password: "unusable" } },
                ...Object.fromEntries(words.map((table) => [table, "keep"])),
            },
            /masking\.yaml has neither a rule nor keep for 9 columns with text of database shop, .* add below shop, .*: other\.thing: \{ word: keep \}; log: \{ text: keep \}; memo: \{ text: keep \}; person: \{ email: email, name: name, phone: phone, note: "null", tags: keep, grade: keep \}$/,
        ],
        [
            "whose passwords are kept with their table",
            { ...rules, person: "keep" },
            /for 1 column .*: person: \{ password: unusable \}$/,
        ],
        [
            "with a rule for no column",
            { ...rules, log: { nothing: "null" } },
            /masking\.yaml, database shop: table log has no column nothing: remove it/,
        ],
        ["with a rule for no table", { ...rules, person2: "keep" }, /there is no table person2: remove it/],
        [
            "with null where there has to be something",
            { ...rules, person: { ...(rules.person as object), name: "null" } },
            /person\.name is NOT NULL: write another rule/,
        ],
        [
            "with a rule for text of what is none",
            { ...rules, person: { ...(rules.person as object), note: "hash" } },
            /person\.note is of type jsonb, and rule hash is for text/,
        ],
        [
            "with a rule that leaves what was there",
            { ...rules, log: "keep", event: { who: { sql: "value" } } },
            /values that production has are still in event\.who \(1 row\)/,
        ],
        ["with SQL that fails", { ...rules, event: { who: { sql: "nonsense" } } }, /column "nonsense" does not exist/],
    ])("%s", async (_, tables, reason) => {
        const before = await replica.server.content();
        const written = JSON.parse(JSON.stringify(tables));
        const { status, sentence } = await replica.run("prepare-database", masked("00000000ee", written));
        expect(sentence).toMatch(reason);
        expect(status).toBe(1);
        expect(await replica.server.content()).toBe(before);
    });

    test("that holds a forbidden text anywhere", async () => {
        const kept = { ...rules, letter: { recipient: "email", body: "keep" } } as TableRules;
        const { sentence } = await replica.run("prepare-database", masked("00000000ee", kept, ["dear ann", "nobody"]));
        expect(sentence).toMatch(/holds what masking\.forbidden names: "dear ann" in letter\.body\. It is not used/);
    });
});
