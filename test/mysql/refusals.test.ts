import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type MysqlPlan, mysqlMarkerSql } from "../../contract/mysql";
import { surveySchema } from "../../contract/survey";
import { aside, frame, ids, login, type MysqlReplica, stack, stampBefore, startMysqlReplica } from "./replica";

let replica: MysqlReplica;
let before: string;
const [first, second, third] = ids;
const table = "CREATE TABLE t (a int, text varchar(40));\nINSERT INTO t VALUES (1,'ann@example.org');";

beforeAll(async () => {
    replica = await startMysqlReplica();
    replica.store(stampBefore(4000), frame(table));
    for (const command of ["prepare-database", "prepare-media", "switch"] as const) {
        expect(await replica.run(command, replica.plan(first, first))).toMatchObject({ status: 0 });
    }
    before = await replica.server.content();
});
afterAll(() => replica?.stop());
beforeEach(() => {
    rmSync(join(replica.folder, "store"), { recursive: true, force: true });
    mkdirSync(join(replica.folder, "store/hourly"), { recursive: true });
});

/** Runs prepare-database for a new generation, and makes sure that it was refused and that nothing has changed. */
async function refusal(change: (plan: MysqlPlan) => void = () => undefined): Promise<string> {
    const { status, sentence, log } = await replica.run("prepare-database", replica.plan(second, first, change));
    expect(status, log).toBe(3);
    expect(await replica.server.content()).toBe(before);
    expect(log).not.toContain(replica.server.password);
    return sentence;
}

describe("refused", () => {
    test("production's own server, by its id", async () => {
        const [row] = await replica.server.query(undefined, "select @@server_uid as id");
        const sentence = await refusal(({ source }) => {
            source.serverId = String(row?.id);
        });
        expect(sentence).toMatch(
            /The server 127.0.0.1:\d+ is production's own \(server id .*\): point the replica at a server of its own/,
        );
    });

    test("a server without a marker, and one of another stack", async () => {
        await replica.server.query(undefined, "rename table understudy.replica to understudy.elsewhere");
        before = await replica.server.content();
        expect(await refusal()).toMatch(
            /does not carry the marker .* pipe what `understudy marker test's` prints into its client/,
        );
        await replica.server.query(undefined, "rename table understudy.elsewhere to understudy.replica");
        before = await replica.server.content();
        const other = (plan: MysqlPlan) => {
            plan.stack = "understudy/other";
        };
        expect(await refusal(other)).toContain(`belongs to the replica of stack ${stack}`);
    });

    test("a database that somebody else has made, and one of another stack", async () => {
        await replica.server.query(undefined, "create database other; create table other.t (a int)");
        before = await replica.server.content();
        const named = (name: string) => (plan: MysqlPlan) => {
            plan.database.databases = [{ name }];
        };
        expect(await refusal(named("other"))).toContain(
            "Database other is on the server, but understudy has not made it",
        );
        await replica.server.query(undefined, "drop database other");
        await replica.server.query(undefined, mysqlMarkerSql("understudy/second"));
        before = await replica.server.content();
        const second = (plan: MysqlPlan) => {
            plan.stack = "understudy/second";
        };
        expect(await refusal(second)).toContain(`On this server, database shop belongs to stack ${stack}`);
    });

    test("a wrong password, at once and without telling it", async () => {
        writeFileSync(join(replica.folder, "secrets/wrong"), "not the password");
        const sentence = await refusal(({ database }) => {
            database.server.passwordFile = join(replica.folder, "secrets/wrong");
        });
        expect(sentence).toContain("does not take the password of user root");
        expect(sentence).not.toContain("not the password");
    });

    test("an account that may not make others", async () => {
        await replica.server.query(
            undefined,
            `create user clerk@'%' identified by '${replica.server.password}'; grant select, create, drop on *.* to clerk@'%'`,
        );
        before = await replica.server.content();
        const sentence = await refusal(({ database }) => {
            database.server.user = "clerk";
        });
        expect(sentence).toMatch(
            /User clerk of the server .* may not make databases and accounts and give them rights/,
        );
        await replica.server.query(undefined, "drop user clerk@'%'");
        before = await replica.server.content();
    });

    test("an application that would log in as who restores, or as somebody with other rights", async () => {
        const as = (user: string) => (plan: MysqlPlan) => {
            plan.database.login.user = user;
        };
        expect(await refusal(as("root"))).toContain(
            "Account `root`@'%', which the application is to log in with, restores as well",
        );
        await replica.server.query(undefined, "create user reader@'%'; grant select on understudy.* to reader@'%'");
        before = await replica.server.content();
        expect(await refusal(as("reader"))).toContain("has rights on understudy");
        await replica.server.query(undefined, "drop user reader@'%'");
        before = await replica.server.content();
    });

    test("a plan with several problems, all of them at once", async () => {
        const sentence = await refusal((plan) => {
            Object.assign(plan, { version: 2, extra: true });
            Object.assign(plan.database, { keepGenerations: -1, owner: "x" });
            plan.database.databases[0].name = "Shop";
        });
        for (const key of ["version", "database.databases.0.name", "database.keepGenerations", "extra", "owner"]) {
            expect(sentence).toContain(key);
        }
    });

    test("a second run while one is at it", async () => {
        const holder = await replica.server.connect();
        await holder.query("select get_lock(concat('understudy ', left(sha2(?, 256), 40)), 0)", [stack]);
        expect(await refusal()).toMatch(/Another run is at this server: connection \d+ of root from/);
        holder.destroy();
    });

    test("no backup, a stale one, an unknown stamp, and no room", async () => {
        expect(await refusal()).toContain("holds no backup at all");
        replica.store(stampBefore(7000), frame(table));
        const with_ = (change: (plan: MysqlPlan["database"]) => void) => refusal(({ database }) => change(database));
        expect(await with_((database) => Object.assign(database, { maximumAge: 3600 }))).toMatch(
            /1 h 56 min old, and the limit is 1 h/,
        );
        expect(await with_((database) => Object.assign(database, { backup: stampBefore(1) }))).toContain(
            "There is no backup",
        );
        expect(await with_((database) => Object.assign(database, { capacity: 1000 }))).toMatch(
            /There is no room for another copy/,
        );
    });

    test("a manifest that does not fit its backup", async () => {
        const stamp = stampBefore(60);
        replica.store(stamp, frame(table));
        const manifest = join(replica.folder, "store/hourly", `backup-${stamp}-shop.json`);
        writeFileSync(manifest, "{");
        expect(await refusal()).toMatch(/is torn: it is not JSON/);
        writeFileSync(manifest, JSON.stringify({ version: 2, engine: "mysql" }));
        expect(await refusal()).toMatch(/is of version 2, and this understudy reads version 1/);
        writeFileSync(manifest, JSON.stringify({ version: 1 }));
        expect(await refusal()).toMatch(/is not one \(backup: /);
    });
});

test("a survey tells of backups and generations, and changes nothing", async () => {
    replica.store(stampBefore(60), frame(table));
    const { status, sentence, log } = await replica.run("survey", replica.plan(first, first));
    expect(status, log).toBe(0);
    expect(surveySchema.parse(JSON.parse(log.trim().split("\n").at(-1) ?? sentence))).toMatchObject({
        backups: [{ bytes: expect.any(Number) }],
        databases: [{ id: first, state: "live", report: { tables: { t: { rows: 1 } } } }],
        problems: [],
    });
    expect(await replica.server.content()).toBe(before);
});

test("rules are proposed and rewrites counted in the copy in use, and nothing changes", async () => {
    const plan = replica.plan(first, first, (plan) => {
        plan.identity = {
            rewrite: [{ from: "example.org", to: "example.net" }],
            databases: { shop: { columns: "all", except: [], empty: [], set: [], preserve: [] } },
        };
    });
    const last = async (command: "mask-suggest" | "count-rewrites") => {
        const { log } = await replica.run(command, plan);
        return JSON.parse(log.trim().split("\n").at(-1) ?? "");
    };
    expect(await last("mask-suggest")).toMatchObject({
        databases: {
            shop: { t: { text: { rule: "email", sign: { looks: "e-mail addresses", count: 1, values: 1 } } } },
        },
    });
    expect(await last("count-rewrites")).toEqual({ shop: { "t.text": 1 } });
    expect(await replica.server.content()).toBe(before);
});

test("rows that name files which are not there stop the switch", async () => {
    replica.store(stampBefore(60), frame(`${table}\nINSERT INTO t VALUES (2,'/picture');`));
    const plan = replica.plan(third, first, (plan) => {
        plan.media.references = { database: "shop", query: "select text from t", maximumMissing: 10 };
    });
    expect(await replica.run("prepare-database", plan)).toMatchObject({ status: 0 });
    expect(await replica.run("switch", plan)).toMatchObject({
        status: 3,
        sentence: expect.stringMatching(
            /Of 2 files that rows of database generation 00000000cc name, 1 \(50 %\) are not in media/,
        ),
    });
    const outfile = { database: "shop", query: "select 1 into outfile '/tmp/understudy'", maximumMissing: 10 };
    plan.media.references = outfile;
    expect(await replica.run("switch", plan)).toMatchObject({ status: 3, sentence: expect.stringContaining("denied") });
    delete plan.media.references;
    expect(await replica.run("switch", plan)).toMatchObject({ status: 0 });
});

test("a former generation that somebody uses stays, and goes the next time; accounts go with it", async () => {
    const plan = replica.plan(third, first, ({ database }) => {
        database.keepGenerations = 0;
    });
    expect(await replica.run("retire", replica.plan(first, first))).toMatchObject({ status: 3 });
    const user = await replica.server.connect(aside(first));
    expect(await replica.run("retire", plan)).toMatchObject({
        sentence: expect.stringContaining(`Kept because in use: database ${first}`),
    });
    user.destroy();
    const { sentence } = await replica.run("retire", plan);
    expect(sentence).toContain(`Removed generations: database ${first}`);
    expect(await replica.server.query(undefined, "show databases like 'shop%'")).toHaveLength(1);
    expect(await replica.server.query("mysql", "select user from user where user like 'understudy%'")).toEqual([]);
    expect(await replica.server.query("shop", "select count(*) as n from t", login)).toEqual([{ n: 2 }]);
});

test("a server that goes in the middle of a load is told, and the next run begins anew", async () => {
    const rows = Array.from({ length: 200 }, (_, n) => `INSERT INTO t VALUES (${n},repeat('x',40));`).join("\n");
    const many = Array.from(
        { length: 60 },
        (_, n) => `CREATE TABLE t${n} (a int);\nINSERT INTO t${n} VALUES (1);`,
    ).join("\n");
    replica.store(stampBefore(30), frame(`${table}\n${rows}\n${many}`));
    const running = replica.run("prepare-database", replica.plan(second, first));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await replica.server.crash();
    const { status } = await running;
    expect([0, 1]).toContain(status);
    const again = await replica.run("prepare-database", replica.plan(second, first));
    expect(again, again.log).toMatchObject({ status: 0 });
});
