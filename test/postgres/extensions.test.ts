import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Plan } from "../../contract";
import type { DatabaseReport } from "../../contract/report";
import { sweep } from "../sweep";
import { extensionName, installExtension, type TestExtension } from "./extension";
import { manifestOf } from "./manifest";
import { type Publisher, startPublisher } from "./publisher";
import { aside, dump, frame, ids, type Replica, stampBefore, startReplica } from "./replica";

const canary = "/tmp/understudy-extension-canary";
const [places, trusted, lossy, careless] = ["places", "trusted", "lossy", "careless"].map(extensionName) as [
    ...[string, string, string, string],
];

/** Tables and a sequence of which a dump has rows, beside those that the extension makes itself. */
const configured = (schema: string) => `
    create schema ${schema};
    create table ${schema}.place (id integer primary key, name text);
    insert into ${schema}.place select n, 'made ' || n from generate_series(1, 100) n;
    select pg_extension_config_dump('${schema}.place', 'where id > 100');
    create sequence ${schema}.counter;
    select pg_extension_config_dump('${schema}.counter', '');
    create table "In it" (a integer);
    select pg_extension_config_dump('"In it"', '');`;

let publisher: Publisher;
let replica: Replica;
let extensions: TestExtension[] = [];
beforeAll(async () => {
    [publisher, replica] = await Promise.all([startPublisher(), startReplica()]);
    const loses = `create function lose() returns trigger language plpgsql as 'begin return null; end';
        create trigger lose before insert on lossy_s.place for each row when (new.id > 900) execute function lose();`;
    extensions = await Promise.all([
        installExtension(replica.server, places, configured("place_s")),
        installExtension(replica.server, trusted, configured("trusted_s"), { trusted: true }),
        installExtension(replica.server, lossy, configured("lossy_s") + loses),
        installExtension(replica.server, careless, "create table found as select nearest('x'::text) as answer;"),
    ]);
});
afterAll(async () => {
    for (const extension of extensions) {
        extension.remove();
    }
    await publisher?.stop();
    await replica?.stop();
});

let copies = 0;

/** Makes a copy under the plan's settings. */
async function copied(change: (plan: Plan) => void) {
    copies += 1;
    const id = copies.toString(16).padStart(10, "0");
    const ending = await replica.run("prepare-database", replica.plan(id, ids[0], change));
    const [row] = await replica.server.query("postgres", `select report from understudy.generation where id = '${id}'`);
    return { ...ending, id, report: row?.report as DatabaseReport };
}

/** Puts a dump into the store under a stamp of its own. */
function stored(bytes: Buffer) {
    const stamp = stampBefore(4000 - 2 * copies);
    return { stamp, path: replica.store(stamp, bytes) };
}

/** Makes a copy of a dump where the stack file allows some extensions. */
async function restored(bytes: Buffer, ...allowed: string[]) {
    const { stamp, path } = stored(bytes);
    const ending = await copied(({ database }) => {
        database.backup = stamp;
        database.extensions = allowed;
    });
    rmSync(path);
    return ending;
}

/** SQL that makes an extension as pg_dump writes it. */
const making = (name: string, schema = "public") => `CREATE EXTENSION IF NOT EXISTS ${name} WITH SCHEMA ${schema};`;

const onlyASuperuser = (name: string) =>
    `needs the extension ${name}, which only a superuser can make: write its name to database.extensions if its functions`;

describe("a production whose extensions have rows of its own", () => {
    const shop = (sql: string) => publisher.production.query("shop", sql);
    beforeAll(() =>
        shop(
            `create schema "Far away"; create extension ${places} schema "Far away"; create schema near;
             create extension ${trusted} schema near; drop materialized view if exists per_mood;
             comment on extension ${places} is 'what somebody wrote';
             insert into place_s.place values (101, 'dumped'), (102, 'also'); select setval('place_s.counter', 42);
             insert into "Far away"."In it" values (1), (2), (3); insert into trusted_s.place values (200, 'dumped');
             create table home (place integer references place_s.place); insert into home values (7), (101);
             alter table home owner to shop`,
        ),
    );

    test("is restored where the stack file allows those that are not trusted", async () => {
        const { status, log, id, report } = await restored(await dump(publisher.production), places);
        expect(status, log).toBe(0);
        expect(report.tables["place_s.place"]).toMatchObject({ rows: 2, made: 100 });
        expect(report.tables["trusted_s.place"]).toMatchObject({ rows: 1, made: 100 });
        expect(report.tables['"Far away"."In it"']).toMatchObject({ rows: 3, made: 0 });
        expect(report.proof.join("\n")).toMatch(/as many as in the dump beside the 200 rows that extensions have made/);
        const found = await replica.server.query(
            aside(id),
            `select (select count(*)::int from place_s.place) as places, (select last_value::int from place_s.counter) as at,
                    (select string_agg(extname || ' of ' || extowner::regrole || ' in ' || nspname, ', ' order by 1)
                       from pg_extension join pg_namespace n on n.oid = extnamespace where extname ~ '^understudy') as of`,
        );
        expect(found).toEqual([
            { places: 102, at: 42, of: `${places} of postgres in Far away, ${trusted} of shop in near` },
        ]);
    });

    test("gives nobody a right for good to fill their tables", async () => {
        const { id } = await restored(await dump(publisher.production), places);
        const rights = await replica.server.query(
            aside(id),
            `select relname, relacl from pg_class
              where relacl is not null and relnamespace in ('place_s'::regnamespace, 'trusted_s'::regnamespace)
                and exists (select from aclexplode(relacl) where grantee <> relowner)`,
        );
        expect(rights).toEqual([]);
    });

    test("is refused by the names in a manifest, before anything has changed", async () => {
        const before = await replica.server.content();
        const backup = stored(await dump(publisher.production));
        const named = { plpgsql: "1.0", [places]: "1.0", [trusted]: "1.0", [`${places}_gone`]: "7" };
        const manifest = manifestOf(backup as Parameters<typeof manifestOf>[0], { extensions: named });
        writeFileSync(join(replica.folder, `store/hourly/backup-${backup.stamp}-shop.json`), JSON.stringify(manifest));
        const ending = await copied(({ database }) => {
            database.backup = backup.stamp;
        });
        expect(ending).toMatchObject({ status: 3, sentence: expect.stringContaining(onlyASuperuser(`${places} 1.0`)) });
        expect(ending.sentence).toMatch(/needs the extension \w+_gone 7, and the server, 15\.\d+, does not have it/);
        expect(await replica.server.content()).toBe(before);
    });

    test("fails without a manifest before any row is loaded", async () => {
        const ending = await restored(await dump(publisher.production));
        expect(ending.status).toBe(1);
        expect(ending.sentence).toContain(`cannot be loaded. It ${onlyASuperuser(places)}`);
        expect(ending.log).not.toContain('"unit":"row"');
    });

    test("is proven by its manifest but for their rows, and reloaded while these are the same", async () => {
        const made = async () => {
            const ending = await copied((plan) => {
                plan.database.backups = publisher.store;
                plan.database.extensions = [places];
                plan.database.keepBase = true;
                plan.imageTag = "2026.10.1";
            });
            expect(ending.status, ending.log).toBe(0);
            return ending;
        };
        const refreshed = async () => {
            await new Promise((resolve) => setTimeout(resolve, 1000));
            await publisher.published();
            return made();
        };
        const { report } = await refreshed();
        expect(report.tables["place_s.place"]).toMatchObject({ rows: 2, made: 100, sha256: expect.any(String) });
        expect(report.unknown).toEqual(
            ["trusted_s.place", "place_s.place", '"Far away"."In it"', 'near."In it"']
                .toSorted()
                .map((name) => `the rows of ${name} but their number: an extension's table may have rows of its own`),
        );
        const clone = await made();
        expect(clone.report.base, clone.log).toBeDefined();
        expect(clone.report.tables).toMatchObject({ "place_s.place": report.tables["place_s.place"] });
        await shop("insert into single values ('new')");
        const next = await refreshed();
        expect(next.report.reloaded, next.log).toEqual(["public.single"]);
        expect(next.report.tables).toMatchObject({ "place_s.place": report.tables["place_s.place"] });
        await shop("insert into place_s.place values (103, 'new')");
        const whole = await refreshed();
        expect(whole.log).toContain("cannot be used (table place_s.place belongs to an extension): restoring all of");
        expect(whole.report.tables["place_s.place"]).toMatchObject({ rows: 3, made: 100 });
    });
});

test("rows of an extension's table that have got lost are missed", async () => {
    const rows = "COPY lossy_s.place (id, name) FROM stdin;\n101\ta\n901\tb\n\\.\n";
    const ending = await restored(frame(`${making(lossy)}\n${rows}`), lossy);
    expect(ending).toMatchObject({
        status: 1,
        sentence: expect.stringContaining(
            "Table lossy_s.place has 101 rows after the restore, but the dump held 2 beside the 100 that an extension has made",
        ),
    });
});

test("an extension that the server does not have fails the load by name", async () => {
    const ending = await restored(frame(making("nowhere_to_be_found")), "nowhere_to_be_found");
    expect(ending.status).toBe(1);
    expect(ending.sentence).toMatch(
        /cannot be loaded\. It needs the extension nowhere_to_be_found, and the server, 15\.\d+, .* \(database\.image\)/,
    );
});

test("an extension that understudy uses itself may be production's as well", async () => {
    const { stamp } = stored(frame(`${making("amcheck")}\nCREATE TABLE t (a integer PRIMARY KEY);`));
    const ending = await copied(({ database }) => {
        Object.assign(database, { backup: stamp, extensions: ["amcheck"], amcheck: true });
    });
    expect(ending.status, ending.log).toBe(0);
    expect(ending.report).toMatchObject({ extensions: { amcheck: "1.3" } });
});

describe("a hostile dump has no use of an extension that is allowed:", () => {
    const evil = `CREATE FUNCTION public.nearest(text) RETURNS integer LANGUAGE plpgsql AS
        $$ begin copy (select 1) to program 'touch ${canary}'; return 1; end $$;`;
    const denied = "permission denied to create extension";
    sweep([
        ["its script finds nothing of the dump's", `${evil}\n${making(careless)}`, "after objects of its own"],
        ["a schema that is not there", making(places, "nowhere"), 'schema "nowhere" does not exist'],
        ["a schema like SQL", `CREATE SCHEMA "a'b";\n${making(places, `"a'b"`)}`, "with quotes in its name"],
        ["a schema like an end", making(places, '"public; drop role shop"'), '"public; drop role shop" does not exist'],
        ["CASCADE", `CREATE EXTENSION IF NOT EXISTS ${places} WITH SCHEMA public CASCADE;`, denied],
        ["a version", `CREATE EXTENSION IF NOT EXISTS ${places} WITH SCHEMA public VERSION '1.0';`, denied],
        ["a comment", `CREATE EXTENSION IF NOT EXISTS ${places} WITH SCHEMA public/**/;`, denied],
        ["another case", making(`"${places.toUpperCase()}"`), "does not have it"],
        ["a name with more in it", making(`"${places} cascade"`), "does not have it"],
        ["inside DO", `DO $$ begin create extension ${places}; end $$;`, denied],
        ["an update", `${making(places)}\nALTER EXTENSION ${places} UPDATE;`, "must be owner of extension"],
        [
            "another member",
            `${making(places)}\nCREATE TABLE t (a integer);\nALTER EXTENSION ${places} ADD TABLE t;`,
            "must be owner of extension",
        ],
        ["a member less", `${making(places)}\nDROP EXTENSION ${places};`, "must be owner of extension"],
        ["its rows", `${making(places)}\nDELETE FROM place_s.place;`, "permission denied for table place"],
        ["its tables", `${making(places)}\nALTER TABLE place_s.place ADD b text;`, "must be owner of table place"],
        ["another one", `${making(places)}\n${making("file_fdw")}`, onlyASuperuser("file_fdw")],
    ])("%s", async (_, sql, reason) => {
        rmSync(canary, { force: true });
        const before = await replica.server.content();
        const ending = await restored(frame(sql), places, careless);
        expect(ending).toMatchObject({ status: 1, sentence: expect.stringContaining(reason) });
        expect(existsSync(canary)).toBe(false);
        expect(await replica.server.content()).toBe(before);
    });
});
