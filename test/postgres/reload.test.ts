import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { generationName, markerSql, type Plan } from "../../contract";
import type { DatabaseReport } from "../../contract/report";
import { sweep } from "../sweep";
import { type Publisher, startPublisher } from "./publisher";
import { aside, type Replica, startReplica } from "./replica";

let publisher: Publisher;
let replica: Replica;
let copies = 0;

/** Changes production where its own triggers would not let anybody. */
const quietly = (sql: string) => shop(`set session_replication_role = replica; ${sql}`);
const shop = (sql: string) => publisher.production.query("shop", sql);

beforeAll(async () => {
    [publisher, replica] = await Promise.all([startPublisher(), startReplica()]);
    await shop(
        `drop materialized view per_mood;
         create table log as select n as id, repeat(md5(n::text), 8) as text from generate_series(1, 3000) n;
         alter table log add constraint entries primary key (id);
         comment on constraint entries on log is 'what it is for';
         create index lower_text on log (lower(text), id); alter index lower_text alter column 1 set statistics 7;
         alter table log cluster on entries; alter table log replica identity using index entries;
         create table page (entry integer references log, "the text" text unique);
         insert into page select n, n::text from generate_series(1, 90) n;
         create function loud() returns trigger language plpgsql as 'begin raise exception ''fired''; end';
         create trigger sometimes before insert on page for each row execute function loud();
         create trigger always before truncate on page execute function loud();
         alter table page enable always trigger always;
         create trigger never before insert on page execute function loud();
         alter table page disable trigger never;
         alter table log add constraint short check (length(text) < 1000) not valid;`,
    );
});
afterAll(async () => {
    await publisher?.stop();
    await replica?.stop();
});

/** Other rules mean other bases. Each test has its own. */
let rules = "";
beforeEach(() => {
    rules = `00000000${(16 + copies).toString(16)}`.slice(-10);
});

function planFor(id: string, change: (plan: Plan) => void = () => undefined): Plan {
    return replica.plan(id, "0000000000", (plan) => {
        plan.database.backups = publisher.store;
        plan.database.keepBase = true;
        plan.database.rules = rules;
        plan.database.keepGenerations = 0;
        // What the publisher's workload runs.
        plan.imageTag = "2026.10.1";
        change(plan);
    });
}

/** Publishes what production has now, and makes a copy of it. */
async function refreshed(format: "directory" | "plain" = "directory") {
    await sleep(1000);
    await publisher.published((plan) => {
        plan.format = format;
    });
    return copied();
}

/** Makes a copy of the newest backup. */
async function copied(change: (plan: Plan) => void = () => undefined) {
    copies += 1;
    const id = copies.toString(16).padStart(10, "0");
    const ending = await replica.run("prepare-database", planFor(id, change));
    expect(ending.status, ending.log).toBe(0);
    const [row] = await replica.server.query("postgres", `select report from understudy.generation where id = '${id}'`);
    return { ...ending, id, report: row?.report as DatabaseReport };
}

/** The same backup restored as a whole. */
const restored = () =>
    copied(({ database }) => {
        database.rules = "00000000ff";
        database.keepBase = false;
    });

/** Makes a copy the live one, and removes what is not asked for any more. */
async function live(id: string): Promise<void> {
    for (const command of ["prepare-media", "switch", "retire"] as const) {
        const ending = await replica.run(command, planFor(id));
        expect(ending.status, ending.log).toBe(0);
    }
}

/** A copy's schema, rights and rows, as pg_dump writes them. */
async function dumped(id: string, database = "shop"): Promise<string> {
    const text = await replica.server.tool("pg_dump", [generationName(database, id)]);
    return text.toString().replaceAll(/^\\(un)?restrict .*$/gm, "");
}

/** Roles that a run ought to have removed. */
const leftovers = () => replica.server.query("postgres", "select rolname from pg_roles where rolname ~ '^understudy_'");

const bases = () => replica.server.query("postgres", `select id from understudy.base where rules = '${rules}'`);

describe("when a base is there of an earlier backup", () => {
    test("a database with materialized views is restored as a whole", async () => {
        await shop("create materialized view counted as select count(*) from single");
        await refreshed();
        await shop("insert into single values ('new')");
        const { report, log } = await refreshed();
        expect(report.reloaded).toBeUndefined();
        expect(log).toContain("cannot be used (it has materialized views): restoring all of");
        await shop("drop materialized view counted");
    });

    sweep([
        ["directory", 7],
        ["plain", 3],
    ] as const)(
        "only what has changed is loaded out of a %s, and the copy is the one that all of it makes",
        async (format, digit) => {
            expect((await refreshed(format)).report.reloaded).toBeUndefined();
            await quietly(
                `update "select" set "we""ird; $$ -- /*" = '${format}'; delete from audit.entry where text like '%${digit}';
                 delete from page where entry % 10 = ${digit};
                 insert into orders (customer, qty) values (2, 3); insert into "ünï ☃" values ('ø');
                 insert into no_columns default values; update "new\nline" set a = a + 1; select nextval('counter')`,
            );
            const { id, sentence, report, log } = await refreshed(format);
            expect(report.reloaded?.toSorted(), log).toEqual(
                [
                    ...["audit.entry", "public.orders", "public.page", 'public."select"', 'public."ünï ☃"'],
                    ...["public.no_columns", 'public."new\nline"'],
                ].toSorted(),
            );
            expect(sentence).toMatch(/is made of the base of an earlier backup and 7 tables, and proven/);
            expect(report.phases.map(({ name }) => name)).toEqual(["clone", "load", "analyze", "prove"]);
            const whole = await restored();
            expect(whole.report.reloaded).toBeUndefined();
            expect(await dumped(id)).toBe(await dumped(whole.id));
            expect(report.tables).toEqual(whole.report.tables);
            expect(report.extensions).toEqual(whole.report.extensions);
            expect(report.unknown).toEqual(whole.report.unknown);
            expect(report.unknown.join("\n")).toContain("obey the constraint short: it is NOT VALID");
            const ofReload = /^(cloned|[\d,]+ rows? in)/;
            expect(report.proof.filter((one) => !ofReload.test(one))).toEqual(
                whole.report.proof.filter((one) => !ofReload.test(one) && one !== "the dump has its closing line"),
            );
            expect(await leftovers()).toEqual([]);
        },
    );

    test("nothing is loaded where a later backup holds the same rows", async () => {
        await refreshed();
        const { id, report } = await refreshed();
        expect(report.reloaded).toEqual([]);
        expect(await dumped(id)).toBe(await dumped((await restored()).id));
    });

    test("a copy of the same backup has the hashes of the rows that its base was proven by", async () => {
        const first = await refreshed();
        const second = await copied();
        expect(second.report).toMatchObject({ base: expect.any(String), tables: first.report.tables });
        expect(Object.values(second.report.tables)[0]?.sha256).toBeDefined();
        expect(second.log).not.toContain("comparing");
        expect(second.report.proof.join("\n")).toMatch(
            /[\d,]+ rows in \d+ tables counted on the server, as many as in the dump/,
        );
    });

    test("the base stays for the next one, as long as it is near enough", async () => {
        await live((await refreshed()).id);
        const [base] = await bases();
        await shop("insert into single values ('newer')");
        const second = await refreshed();
        expect(second.report).toMatchObject({ base: base?.id, reloaded: ["public.single"] });
        await live(second.id);
        expect(await bases()).toEqual([base]);
        await quietly("insert into page values (50, 'a page')");
        const next = await refreshed();
        expect(next.report.reloaded?.toSorted()).toEqual(["public.page", "public.single"]);
        expect(await dumped(next.id)).toBe(await dumped((await restored()).id));
    });

    test("the base of another stack does as well, and what is made of it is the stack's own", async () => {
        await replica.server.query("postgres", markerSql("understudy/second"));
        const asSecond = (plan: Plan) => {
            const production = { name: "shop", owner: "shop" };
            plan.stack = "understudy/second";
            plan.database.databases = [{ name: "copy", owner: "copyist", production }];
        };
        await refreshed();
        const [base] = await bases();
        await quietly("insert into page values (51, 'another page')");
        await sleep(1000);
        await publisher.published();
        const { id, report } = await copied(asSecond);
        expect(report).toMatchObject({ base: base?.id, reloaded: ["public.page"] });
        const whole = await copied((plan) => {
            asSecond(plan);
            Object.assign(plan.database, { rules: "00000000ff", keepBase: false });
        });
        expect(whole.report.base).toBeUndefined();
        const text = await dumped(id, "copy");
        expect(text).toBe(await dumped(whole.id, "copy"));
        expect(text).toContain("ALTER TABLE public.page OWNER TO copyist");
        expect(await leftovers()).toEqual([]);
    });

    test("another schema, or more than half of the rows, is restored as a whole", async () => {
        await refreshed();
        await shop("alter table single add column more integer");
        expect((await refreshed()).report.reloaded).toBeUndefined();
        await shop("update log set text = reverse(text)");
        expect((await refreshed()).report.reloaded).toBeUndefined();
    });

    sweep([
        ["lacks a table", "drop table page", /cannot be used \(table public\.page is not there\): restoring all of/],
        [
            "lacks rows that others lean on",
            "set session_replication_role = replica; delete from log",
            /page_entry_fkey/,
        ],
    ])("a base that %s is not used, and nothing is left of it", async (_, harm, reason) => {
        await refreshed();
        const [base] = await bases();
        const name = `${aside(String(base?.id))}_base`;
        await replica.server.query("postgres", `alter database ${name} allow_connections true`);
        await replica.server.query(name, harm);
        await quietly('update page set "the text" = \'x\' || "the text"');
        const { report, log } = await refreshed();
        expect(log).toMatch(reason);
        expect(report.reloaded).toBeUndefined();
        expect(await leftovers()).toEqual([]);
    });
});
