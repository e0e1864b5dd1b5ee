import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CopyPlan } from "../../contract";
import { type DatabaseIdentity, type IdentityPlan, rewritesFound } from "../../contract/identity";
import { databaseReport } from "../../contract/report";
import { sweep } from "../sweep";
import { aside, frame, ids, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
const [first, second, third] = ids;
const other = "00000000ee";
const [host, ours] = ["shop.example.org", "shop.staging.example.org"];

const owned = ["page", "option", "log", "event", "event_1", "session", "visit", "client", "job", "flag", "setting"];
const schema = `
CREATE EXTENSION hstore WITH SCHEMA public;
CREATE EXTENSION citext WITH SCHEMA public;
CREATE DOMAIN public.link AS text;
CREATE TYPE public.pair AS (a text, b text);
CREATE TABLE public.page (id integer PRIMARY KEY, url character varying(60) UNIQUE, body text, link public.link, mail public.citext,
    code character(30), meta jsonb, raw json, tags text[], more public.hstore, doc xml, level integer,
    upper text GENERATED ALWAYS AS (upper(body)) STORED);
CREATE TABLE public.option (name text PRIMARY KEY, value text);
CREATE TABLE public.log (text text);
CREATE TABLE public.event (at date, what text) PARTITION BY RANGE (at);
CREATE TABLE public.event_1 PARTITION OF public.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE public.session (id integer PRIMARY KEY, data text);
CREATE TABLE public.visit (id integer, session integer);
CREATE TABLE public.client (id integer PRIMARY KEY, provider text, secret text, limits integer);
CREATE TABLE public.job (id integer PRIMARY KEY, state text);
CREATE TABLE public.flag (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE, "on" boolean, url text,
    both_of public.pair, links public.link[]);
CREATE TABLE public.setting (name text, value text);
CREATE TABLE public.memo (text text);
ALTER TABLE public.memo OWNER TO "App Owner";
CREATE SEQUENCE public.numbers START 5;
CREATE SEQUENCE public.small AS smallint;
CREATE FUNCTION public.remember() RETURNS trigger LANGUAGE plpgsql AS $$begin
    insert into public.log values ('set off'); return new; end$$;
CREATE MATERIALIZED VIEW public.links AS SELECT url FROM public.page WITH NO DATA;
${owned.map((table) => `ALTER TABLE public.${table} OWNER TO shop;`).join("\n")}
ALTER MATERIALIZED VIEW public.links OWNER TO shop;
ALTER FUNCTION public.remember() OWNER TO shop;
ALTER TYPE public.pair OWNER TO shop;
ALTER DOMAIN public.link OWNER TO shop;
${["public.pair", "public.link[]"]
    .map(
        (type) => `CREATE FUNCTION public.climb(${type}) RETURNS text LANGUAGE plpgsql AS $$begin
    begin create role climbed superuser; exception when insufficient_privilege then null; end; return 'text'; end$$;
ALTER FUNCTION public.climb(${type}) OWNER TO shop;
CREATE CAST (${type} AS text) WITH FUNCTION public.climb(${type});`,
    )
    .join("\n")}
`;
const rows = `
COPY public.page (id, url, body, link, mail, code, meta, raw, tags, more, doc, level) FROM stdin;
1\thttps://${host}/a\tSee ${host}, not my${host}\thttps://${host}\tAnn@${host}\t${host}\t{"u": "https://${host}/", "n": 1.0}\t{"u":  "https:\\\\/\\\\/${host}\\\\/"}\t{${host},"a b"}\t"site"=>"${host}"\t<a>${host}</a>\t1
2\thttps://elsewhere.example.net/\tnothing\t\\N\t\\N\tx\t{}\t{}\t{}\t\t\\N\t2
3\t/c\t{"u":"shop\\\\u002eexample.org"}\t\\N\t\\N\tx\t{"php": "s:16:\\\\"${host}\\\\";"}\t{}\t{"s:16:\\\\"${host}\\\\";"}\t\t\\N\t3
\\.
COPY public.option (name, value) FROM stdin;
home\ta:2:{i:0;s:19:"ä ${host}";i:1;s:0:"";}
broken\ts:9:"${host}";
long\t${`a long text on ${host} `.repeat(10_000)}
\\.
COPY public.event_1 (at, what) FROM stdin;
2026-02-02\tvisited ${host}
2026-03-03\ts:16:"${host}";
\\.
COPY public.session (id, data) FROM stdin;
1\t${host}
\\.
COPY public.visit (id, session) FROM stdin;
1\t1
\\.
COPY public.client (id, provider, secret, limits) FROM stdin;
1\tgoogle\tproduction's\t5
2\tgithub\tproduction's\t5
\\.
COPY public.job (id, state) FROM stdin;
1\trunning
2\tdone
\\.
COPY public.flag (id, name, "on") FROM stdin;
1\tproduction\tt
2\tboth\tt
\\.
COPY public.memo (text) FROM stdin;
${host}
\\.
SELECT pg_catalog.setval('public.numbers', 7, true);
`;
const rest = `
ALTER TABLE public.visit ADD CONSTRAINT of_session FOREIGN KEY (session) REFERENCES public.session(id);
ALTER TABLE public.page ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.page FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON public.page USING (id < 2);
${["page", "client", "flag"].map((table) => `CREATE TRIGGER remember BEFORE INSERT OR UPDATE ON public.${table} FOR EACH ROW EXECUTE FUNCTION public.remember();\nALTER TABLE public.${table} ENABLE ALWAYS TRIGGER remember;`).join("\n")}
CREATE TRIGGER forget BEFORE TRUNCATE ON public.session EXECUTE FUNCTION public.remember();
REFRESH MATERIALIZED VIEW public.links;
`;

const nothing: DatabaseIdentity = { columns: "all", except: [], empty: [], set: [], preserve: [] };
const rewrite = [{ from: host, to: ours }];

/** A plan of a generation that is made the replica's own. */
function own(id: string, wanted: Partial<DatabaseIdentity>, rules: IdentityPlan["rewrite"] = rewrite): CopyPlan {
    return replica.plan(id, first, (plan) => {
        plan.database.extensions = ["hstore", "citext"];
        plan.identity = { rewrite: rules, databases: { shop: { ...nothing, ...wanted } } };
    });
}
const query = (id: string, sql: string) => replica.server.query(aside(id), sql);

async function reportOf(id: string) {
    const [row] = await replica.server.query("postgres", `select report from understudy.generation where id = '${id}'`);
    return databaseReport.parse(row?.report).identity;
}

async function prepared(plan: CopyPlan): Promise<void> {
    const { status, sentence } = await replica.run("prepare-database", plan);
    expect(sentence).toMatch(/is restored and proven/);
    expect(status).toBe(0);
}

beforeAll(async () => {
    replica = await startReplica();
    replica.store(stampBefore(3600), frame(`${schema}${rows}${rest}`));
    writeFileSync(join(replica.folder, "secrets/oauth"), "s3cr3t\n");
    await replica.run("prepare-media", replica.plan(first, first));
    await prepared(own(first, { preserve: [{ table: "flag", key: ["name"] }] }, []));
    expect(await replica.run("switch", own(first, {}, []))).toMatchObject({ status: 0 });
});
afterAll(() => replica?.stop());

test("the first copy has nothing to keep, and says so", async () => {
    expect((await reportOf(first))?.preserved).toEqual({ flag: "no copy is in use" });
});

test("a count tells what rules would change in the copy in use, and changes nothing", async () => {
    const before = await replica.server.content();
    const { log, status } = await replica.run("count-rewrites", own(first, {}));
    expect(status, log).toBe(0);
    expect(rewritesFound.parse(JSON.parse(log.trim().split("\n").at(-1) ?? ""))).toEqual({
        shop: {
            ...{ "public.page.url": 1, "public.page.body": 2, "public.page.link": 1, "public.page.mail": 1 },
            ...{ "public.page.code": 1, "public.page.meta": 2, "public.page.raw": 1, "public.page.tags": 2 },
            ...{ "public.page.more": 1, "public.page.doc": 1, "public.option.value": 3, "public.event.what": 2 },
            ...{ "public.session.data": 1, "public.memo.text": 1 },
        },
    });
    expect(await replica.server.content()).toBe(before);
});

describe("a copy with rules", () => {
    beforeAll(() => prepared(own(second, { empty: ["session", "visit"] })));

    test("has production's addresses nowhere, in any kind of text", async () => {
        expect(await query(second, "select * from page order by id")).toEqual([
            {
                ...{ id: 1, url: `https://${ours}/a`, body: `See ${ours}, not my${host}`, link: `https://${ours}` },
                ...{ mail: `Ann@${ours}`, code: expect.any(String), meta: { u: `https://${ours}/`, n: 1 }, level: 1 },
                ...{ raw: { u: `https://${ours}/` }, tags: [ours, "a b"], more: `"site"=>"${ours}"` },
                ...{ doc: `<a>${ours}</a>`, upper: `SEE ${ours.toUpperCase()}, NOT MY${host.toUpperCase()}` },
            },
            expect.objectContaining({ url: "https://elsewhere.example.net/", body: "nothing" }),
            expect.objectContaining({
                ...{
                    body: JSON.stringify({ u: ours }).replaceAll(".", "\\u002e"),
                    meta: { php: `s:24:"${ours}";` },
                    tags: [`s:24:"${ours}";`],
                },
            }),
        ]);
        expect(await query(second, "select name, value from option order by name")).toEqual([
            { name: "broken", value: `s:9:"${ours}";` },
            { name: "home", value: `a:2:{i:0;s:27:"ä ${ours}";i:1;s:0:"";}` },
            { name: "long", value: `a long text on ${ours} `.repeat(10_000) },
        ]);
        expect(await query(second, "select what from event order by at")).toEqual([
            { what: `visited ${ours}` },
            { what: `s:24:"${ours}";` },
        ]);
        expect(await query(second, "select text from memo")).toEqual([{ text: ours }]);
        expect(await query(second, "select url from links where url ~ 'shop'")).toEqual([{ url: `https://${ours}/a` }]);
    });

    test("keeps what is around them as it was", async () => {
        expect(await query(second, "select raw::text, meta::text from page where id = 1")).toEqual([
            { raw: `{"u":  "https:\\/\\/${ours}\\/"}`, meta: `{"n": 1.0, "u": "https://${ours}/"}` },
        ]);
    });

    test("has emptied tables empty, and nothing that a change sets off", async () => {
        const [row] = await query(
            second,
            "select (select count(*)::int from session) as sessions, (select count(*)::int from log) as logged",
        );
        expect(row).toEqual({ sessions: 0, logged: 0 });
    });

    test("has its schema as it was", async () => {
        const schemaOf = async (database: string) =>
            (await replica.server.tool("pg_dump", ["--schema-only", database]))
                .toString()
                .replaceAll(/^\\(un)?restrict.*$/gm, "");
        expect((await schemaOf(aside(second))).replaceAll(aside(second), "shop")).toBe(await schemaOf("shop"));
    });

    test("says so in its report", async () => {
        expect(await reportOf(second)).toMatchObject({
            rewritten: { "public.page.url": 1, "public.page.body": 2, "public.option.value": 3 },
            emptied: ["session", "visit"],
        });
    });

    test("leaves the columns alone that the stack leaves out", async () => {
        await prepared(own(other, { columns: ["page.url", "option"], except: ["option.value"] }));
        expect((await reportOf(other))?.rewritten).toEqual({ "public.page.url": 1 });
        expect(await query(other, "select url, body from page where id = 1")).toEqual([
            { url: `https://${ours}/a`, body: `See ${host}, not my${host}` },
        ]);
    });
});

describe("a copy after another one", () => {
    const set: DatabaseIdentity["set"] = [
        {
            table: "client",
            columns: { secret: { file: "" }, limits: "1" },
            where: "provider = 'google' -- ours",
        },
        { table: "job", columns: { state: "cancelled" }, where: "state = 'running'" },
    ];
    const preserve = [
        { table: "flag", key: ["name"] },
        { table: "option", key: ["name"] },
    ];
    const floor = 1_000_000;
    beforeAll(async () => {
        Object.assign(set[0]?.columns ?? {}, { secret: { file: join(replica.folder, "secrets/oauth") } });
        await replica.server.query(
            "shop",
            `insert into flag overriding system value
                  values (2000000, 'ours', true, 'https://${host}', ('a', null), array['//${host}']);
             update flag set "on" = false where name = 'both'; delete from flag where name = 'production';
             insert into option values ('ours', 's:16:"${host}";')`,
        );
        await prepared(own(third, { set, preserve, floor }));
    });

    test("has the credentials and states that the stack wants", async () => {
        expect(await query(third, "select provider, secret, limits from client order by id")).toEqual([
            { provider: "google", secret: "s3cr3t", limits: 1 },
            { provider: "github", secret: "production's", limits: 5 },
        ]);
        expect(await query(third, "select state from job order by id")).toEqual([
            { state: "cancelled" },
            { state: "done" },
        ]);
    });

    test("keeps rows of the copy in use by their key, with addresses rewritten, and sets nothing off", async () => {
        expect(await query(third, 'select id, name, "on", url from flag order by id')).toEqual([
            { id: 1, name: "production", on: true, url: null },
            { id: 2, name: "both", on: false, url: null },
            { id: 2_000_000, name: "ours", on: true, url: `https://${ours}` },
        ]);
        expect(
            await query(third, "select (both_of).a, (both_of).b, to_json(links) as links from flag order by id"),
        ).toEqual([
            { a: null, b: null, links: null },
            { a: null, b: null, links: null },
            { a: "a", b: null, links: [`//${ours}`] },
        ]);
        expect(await query(third, "select value from option where name = 'ours'")).toEqual([
            { value: `s:24:"${ours}";` },
        ]);
        const [row] = await query(third, "select count(*)::int as logged from log");
        expect(row).toEqual({ logged: 0 });
    });

    test("was looked at without a call to what production left behind a name", async () => {
        expect(await replica.server.query("postgres", "select from pg_roles where rolname = 'climbed'")).toEqual([]);
    });

    test("has its sequences above the floor, and above what it has kept", async () => {
        const [row] = await query(
            third,
            "select nextval('numbers')::int as numbers, nextval('small')::int as small, nextval('flag_id_seq')::int as flag",
        );
        expect(row).toEqual({ numbers: floor, small: 1, flag: 2_000_001 });
    });

    test("says so in its report", async () => {
        expect(await reportOf(third)).toMatchObject({
            set: [
                { table: "client", rows: 1 },
                { table: "job", rows: 1 },
            ],
            ...{ preserved: { flag: 2, option: 4 }, raised: 1, tooShort: ["small"] },
        });
    });

    test("raises the sequences alone that are named, if any is", async () => {
        await prepared(own("00000000ff", { floor: { numbers: 50 } }));
        const [row] = await query(
            "00000000ff",
            "select nextval('numbers')::int as numbers, nextval('small')::int as small",
        );
        expect(row).toEqual({ numbers: 50, small: 1 });
    });
});

describe("a copy is not used", () => {
    sweep<[string, Partial<DatabaseIdentity>, RegExp]>([
        [
            "with names of what there is not, all in one sentence",
            {
                ...{ columns: ["pages", "page.level"], except: ["page.urls"], empty: ["sessions"] },
                set: [{ table: "client", columns: { secrets: null } }],
                preserve: [{ table: "flags", key: ["name"] }],
                floor: { number: 5 },
            },
            /columns names pages, .*; .*page\.level, which is of type integer.*; .*except names page\.urls.*; .*empty names sessions.*; .*preserve names flags.*; .*set names client\.secrets.*; .*floor names number/,
        ],
        [
            "with a key that is not unique",
            { preserve: [{ table: "setting", key: ["name"] }] },
            /identity\.preserve has the key name for setting, which no primary key or unique index has there/,
        ],
        [
            "with rows that refer to what is emptied",
            { empty: ["session"] },
            /identity\.empty names session, to which rows of visit refer \(of_session\): name visit too/,
        ],
        [
            "with a value that does not fit, which is not told if it is a secret",
            { set: [{ table: "client", columns: { limits: { file: "oauth" } } }] },
            /identity\.set of table client fails: invalid input syntax for type integer: "<limits>"/,
        ],
        [
            "with a value that brings an address back",
            { set: [{ table: "client", columns: { secret: `https://${host}` } }] },
            /What identity\.rewrite takes away is still in rows of public\.client\.secret \(2\)/,
        ],
    ])("%s", async (_, wanted, reason) => {
        const before = await replica.server.content();
        const plan = own(other.replace("ee", "ef"), wanted);
        for (const { columns } of plan.identity?.databases.shop?.set ?? []) {
            for (const [name, value] of Object.entries(columns)) {
                columns[name] =
                    typeof value === "object" && value ? { file: join(replica.folder, "secrets/oauth") } : value;
            }
        }
        const { status, sentence, log } = await replica.run("prepare-database", plan);
        expect(sentence).toMatch(reason);
        expect(status).toBe(1);
        expect(log).not.toContain("s3cr3t");
        expect(await replica.server.content()).toBe(before);
    });

    test("in which an address has no room", async () => {
        const plan = own("00000000ef", {}, [{ from: host, to: `${"a".repeat(30)}.example.org` }]);
        const { sentence } = await replica.run("prepare-database", plan);
        expect(sentence).toMatch(
            /identity\.rewrite fails in table page: value too long for type character varying\(60\)|character\(30\)/,
        );
    });
});
