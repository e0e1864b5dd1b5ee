import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { aside, dump, ids, type Replica, stampBefore, startProduction, startReplica } from "./replica";
import type { TestServer } from "./server";

let replica: Replica;
let production: TestServer;
let backup: Buffer;
const [first, second, third, fourth] = ids;
const stamp = stampBefore(4000);

const planFor = (id: string, change: (database: Plan["database"]) => void = () => undefined) =>
    replica.plan(id, first, ({ database }) => {
        database.keepBase = true;
        change(database);
    });

beforeAll(async () => {
    [replica, production] = await Promise.all([startReplica(), startProduction()]);
    backup = await dump(production);
    replica.store(stamp, backup);
    expect(await replica.run("prepare-media", planFor(first))).toMatchObject({ status: 0 });
});
afterAll(() => Promise.all([replica?.stop(), production?.stop()]));

async function bases() {
    const rows = await replica.server.query(
        "postgres",
        "select datname, datistemplate, datallowconn from pg_database where datname ~ '_base$' order by 1",
    );
    return rows.map(({ datname, datistemplate, datallowconn }) => [datname, datistemplate, datallowconn]);
}

async function reportOf(id: string) {
    const rows = await replica.server.query("postgres", `select report from understudy.generation where id = '${id}'`);
    return rows[0]?.report as Record<string, unknown>;
}

/** A database's schema and rows, as pg_dump writes them. */
async function dumped(database: string): Promise<string> {
    const text = await replica.server.tool("pg_dump", [database]);
    return text.toString().replaceAll(/^\\(un)?restrict .*$/gm, "");
}

test("a restore leaves a base that nobody can connect to", async () => {
    const ending = await replica.run("prepare-database", planFor(first));
    expect(ending, ending.log).toMatchObject({
        status: 0,
        sentence: expect.stringContaining("is restored and proven"),
    });
    const [base, ...more] = await bases();
    expect([base, more]).toEqual([[expect.stringMatching(/^shop__[0-9a-f]{10}_base$/), true, false], []]);
    await expect(replica.server.query(String(base?.[0]), "select 1")).rejects.toThrow("not currently accepting");
    expect((await reportOf(first)).base).toBeUndefined();
});

test("another copy of the same backup is cloned, and nothing of what was done to the former one is in it", async () => {
    const restored = await dumped(aside(first));
    expect(await replica.run("switch", planFor(first))).toMatchObject({ status: 0 });
    await replica.server.query("shop", "create table migrated (n integer)");
    const ending = await replica.run("prepare-database", planFor(second));
    expect(ending, ending.log).toMatchObject({
        status: 0,
        sentence: expect.stringMatching(/is cloned from the base of its backup and proven: .*rows? in \d+ tables/),
    });
    expect(await dumped(aside(second))).toBe(restored);
    const { base, proof, phases, tables } = await reportOf(second);
    expect(base).toMatch(/^[0-9a-f]{10}$/);
    expect(proof).toContainEqual(expect.stringContaining("its SHA-256 fits"));
    expect(phases).toEqual([
        { name: "clone", seconds: expect.any(Number) },
        { name: "prove", seconds: expect.any(Number) },
    ]);
    expect(tables).toEqual((await reportOf(first)).tables);
    expect(await bases()).toHaveLength(1);
});

test("a clone's login acts as its owner, and that of another copy does not get in", async () => {
    expect(await replica.run("switch", planFor(second))).toMatchObject({ status: 0 });
    const login = { user: aside(second), password: "login-secret" };
    await replica.server.query("shop", "create table mine (n integer)", login);
    const [owner] = await replica.server.query("shop", "select tableowner from pg_tables where tablename = 'mine'");
    expect(owner).toEqual({ tableowner: "shop" });
    const may = `select has_database_privilege('${aside(first)}', 'shop', 'connect') as connect`;
    expect(await replica.server.query("postgres", may)).toEqual([{ connect: false }]);
});

test("a file that has changed under the same name and size is restored, not cloned", async () => {
    const other = Buffer.from(backup);
    // The time in gzip's header says nothing about the content.
    other[4] = (other[4] ?? 0) ^ 1;
    replica.store(stamp, other);
    const ending = await replica.run("prepare-database", planFor(third));
    expect(ending, ending.log).toMatchObject({
        status: 0,
        sentence: expect.stringContaining("is restored and proven"),
    });
    expect(await bases()).toHaveLength(2);
    replica.store(stamp, backup);
});

test("other rules are another copy", async () => {
    const plan = planFor(fourth, (database) => {
        database.rules = "00000000a2";
        database.keepBase = false;
    });
    const ending = await replica.run("prepare-database", plan);
    expect(ending, ending.log).toMatchObject({
        status: 0,
        sentence: expect.stringContaining("is restored and proven"),
    });
    expect(await bases()).toHaveLength(2);
});

test("what an interrupted run has left of a base is no base, and goes with the next run", async () => {
    await replica.server.query("postgres", "update understudy.base set report = null");
    const survey = await replica.run("survey", planFor(second));
    expect(JSON.parse(survey.log)).toMatchObject({
        bases: [
            { stamp: null, bytes: null },
            { stamp: null, bytes: null },
        ],
    });
    const ending = await replica.run("prepare-database", planFor(ids[4]));
    expect(ending, ending.log).toMatchObject({
        status: 0,
        sentence: expect.stringContaining("is restored and proven"),
    });
    expect(ending.log).toMatch(/removing base [0-9a-f]{10}, which an earlier run left unfinished/);
    expect(await bases()).toHaveLength(1);
});

test("a stranger's database under the name of a base is left alone, and named", async () => {
    const { server } = replica;
    const stranger = "shop__00000000b9_base";
    await server.query("postgres", `create database ${stranger}`);
    const before = await server.content();
    expect(await replica.run("prepare-database", planFor("00000000ff"))).toMatchObject({
        status: 3,
        sentence: expect.stringContaining(`Database ${stranger} is on the server`),
    });
    expect(await server.content()).toBe(before);
    await server.query("postgres", `drop database ${stranger}`);
});

test("a base that cannot be made is told of, and the copy is proven all the same", async () => {
    const { server } = replica;
    await server.query(
        "postgres",
        "create function refuse() returns trigger language plpgsql as $$begin raise 'no base today'; end$$",
    );
    await server.query("postgres", "create trigger refuse before insert on understudy.base execute function refuse()");
    replica.store(stampBefore(3000), await dump(production, ["--no-comments"]));
    const ending = await replica.run("prepare-database", planFor("00000000fa"));
    expect(ending, ending.log).toMatchObject({
        status: 0,
        sentence: expect.stringContaining("No base is kept: no base today."),
    });
    await server.query("postgres", "drop trigger refuse on understudy.base");
});

test("retire leaves the base of what is live, and none where none is asked for", async () => {
    expect(await replica.run("prepare-database", planFor("00000000ff"))).toMatchObject({ status: 0 });
    const other = stampBefore(60);
    await production.query("shop", "create table younger (n integer)");
    replica.store(other, await dump(production));
    expect(await replica.run("prepare-database", planFor("00000000fe"))).toMatchObject({ status: 0 });
    expect(await bases()).toHaveLength(3);
    expect(await replica.run("switch", planFor("00000000fe"))).toMatchObject({ status: 0 });
    const ending = await replica.run("retire", planFor("00000000fe"));
    expect(ending, ending.log).toMatchObject({
        status: 0,
        sentence: expect.stringMatching(/Removed bases: [0-9a-f]{10}, [0-9a-f]{10}\./),
    });
    expect(await bases()).toHaveLength(1);
    const again = await replica.run("prepare-database", planFor("00000000fd"));
    expect(again, again.log).toMatchObject({ sentence: expect.stringContaining("is cloned") });
    const without = planFor("00000000fe", (database) => {
        database.keepBase = false;
    });
    expect(await replica.run("retire", without)).toMatchObject({ status: 0 });
    expect(await bases()).toEqual([]);
});

test("a backup in a folder is known again by the content of all its files", async () => {
    const folder = stampBefore(5000);
    const path = `${replica.folder}/store/hourly/backup-${folder}-shop`;
    await production.tool("pg_dump", ["--format=directory", `--file=${path}`, "shop"]);
    for (const [id, done] of [
        ["00000000f1", "is restored and proven"],
        ["00000000f2", "is cloned from the base of its backup"],
    ] as const) {
        const plan = planFor(id, (database) => {
            database.backup = folder;
        });
        const ending = await replica.run("prepare-database", plan);
        expect(ending, ending.log).toMatchObject({ status: 0, sentence: expect.stringContaining(done) });
    }
});
