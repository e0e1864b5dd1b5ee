import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { sweep } from "../sweep";
import { frame, ids, loginPassword, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
const [first, second, third] = ids;
const stamps: Record<string, string> = {
    [first]: stampBefore(4000),
    [second]: stampBefore(3000),
    [third]: stampBefore(2000),
};

/** A dump of a database whose only row says which generation it is of. */
function dumpOf(owner: string, id: string): Buffer {
    return frame(
        `CREATE TABLE public.item (text text);\nALTER TABLE public.item OWNER TO ${owner};\n` +
            `COPY public.item (text) FROM stdin;\n${id}\n\\.\n`,
    );
}

/** A plan for two databases: the application's, and one beside it that another role owns. */
function planFor(id: string, change: (database: Plan["database"]) => void = () => undefined): Plan {
    return replica.plan(id, first, ({ database }) => {
        database.databases = [
            { name: "shop", owner: "shop" },
            { name: "audit", owner: "auditor" },
        ];
        database.backup = stamps[id] ?? "latest";
        change(database);
    });
}

beforeAll(async () => {
    replica = await startReplica({ max_prepared_transactions: "5" });
    for (const id of [first, second]) {
        replica.store(stamps[id] ?? "", dumpOf("shop", id));
        replica.store(stamps[id] ?? "", dumpOf("auditor", id), "audit");
    }
    expect(await replica.run("prepare-media", planFor(first))).toMatchObject({ status: 0 });
});
afterAll(() => replica?.stop());

async function databases() {
    const rows = await replica.server.query(
        "postgres",
        "select datname from pg_database where datname ~ '^(shop|audit)' order by 1",
    );
    return rows.map(({ datname }) => datname);
}

/** What both databases hold under their live names. */
async function content() {
    const read = async (name: string) => (await replica.server.query(name, "select text from item"))[0]?.text;
    return Promise.all([read("shop"), read("audit")]);
}

test("two databases are restored aside and proven as one generation, each with its own report", async () => {
    const ending = await replica.run("prepare-database", planFor(first));
    expect(ending, ending.log).toMatchObject({
        status: 0,
        sentence: expect.stringMatching(
            /^Generation \w+ of databases shop, audit is restored and proven: shop from backup-.*-shop.* 1 row in 1 table; audit from backup-.*-audit/,
        ),
    });
    expect(await databases()).toEqual([`audit__${first}`, `shop__${first}`]);
    const rows = await replica.server.query(
        "postgres",
        "select name, state, report->>'backup' as backup from understudy.generation order by position",
    );
    expect(rows).toEqual(
        ["shop", "audit"].map((name) => ({
            name,
            state: "proven",
            backup: `backup-${stamps[first]}-${name}.sql.gz`,
        })),
    );
});

test("both become live at once, and the generation's login acts in each as its owner", async () => {
    expect(await replica.run("switch", planFor(first))).toMatchObject({ status: 0 });
    expect(await content()).toEqual([first, first]);
    const login = { user: `shop__${first}`, password: loginPassword };
    for (const [name, owner] of [
        ["shop", "shop"],
        ["audit", "auditor"],
    ] as const) {
        expect(await replica.server.query(name, "select current_user as role, text from item", login)).toEqual([
            { role: owner, text: first },
        ]);
    }
});

test("a survey tells of both, and of the backups that hold both", async () => {
    replica.store(stampBefore(1000), dumpOf("shop", third));
    const { log } = await replica.run("survey", planFor(first));
    const { databases, backups } = JSON.parse(log.trim().split("\n").at(-1) ?? "");
    expect(databases).toMatchObject([
        {
            state: "live",
            report: { backup: expect.stringContaining("-shop.") },
            others: [
                {
                    name: "audit",
                    report: {
                        backup: expect.stringContaining("-audit."),
                        tables: { "public.item": { rows: 1, bytes: 11 } },
                    },
                },
            ],
        },
    ]);
    expect(backups.map(({ stamp }: { stamp: string }) => stamp)).toEqual([stamps[second], stamps[first]]);
});

test("if one fails, it is named, and nothing of either is left or switched", async () => {
    const before = await replica.server.content();
    replica.store(stamps[third] ?? "", dumpOf("shop", third));
    replica.store(stamps[third] ?? "", frame("CREATE TABLE public.item (text nonsense);"), "audit");
    const ending = await replica.run("prepare-database", planFor(third));
    expect(ending).toMatchObject({
        status: 1,
        sentence: expect.stringMatching(/^Failed: database audit: .*type "nonsense" does not exist/),
    });
    expect(await replica.server.content()).toBe(before);
    expect(await replica.run("switch", planFor(third))).toMatchObject({ status: 3 });
    expect(await content()).toEqual([first, first]);
});

describe("refused before anything is changed:", () => {
    sweep([
        [
            "a stamp that only one of them has",
            () => {
                const stamp = stampBefore(500);
                replica.store(stamp, dumpOf("shop", third));
                return stamp;
            },
            /no backup of database audit with stamp/,
        ],
        [
            "latest ones of two runs",
            () => "latest",
            /not of one run: backup-.*-audit.* and backup-.*-shop.*limit is 15 min/,
        ],
    ])("%s", async (_, backup, reason) => {
        const before = await replica.server.content();
        const plan = planFor(third, (database) => {
            database.backup = backup();
        });
        expect(await replica.run("prepare-database", plan)).toMatchObject({
            status: 3,
            sentence: expect.stringMatching(reason),
        });
        expect(await replica.server.content()).toBe(before);
    });
});

test("what holds one of them back holds back both", async () => {
    expect(await replica.run("prepare-database", planFor(second))).toMatchObject({ status: 0 });
    await replica.server.query("audit", "begin; insert into item values ('x'); prepare transaction 'left over'");
    expect(await replica.run("switch", planFor(second))).toMatchObject({
        status: 3,
        sentence: expect.stringContaining("holds on to database audit"),
    });
    await replica.server.query("audit", "rollback prepared 'left over'");
});

test("a switch that is held up at the second one and then stopped has not switched the first one either", async () => {
    const { port, password } = replica.server;
    const client = new Client({ host: "127.0.0.1", port, user: "postgres", password, database: "postgres" });
    await client.connect();
    // Another transaction holds that database's entry.
    await client.query("begin; alter database audit connection limit 50");
    const ending = await replica.run("switch", planFor(second), {
        started: (child) => void sleep(2500).then(() => child.kill("SIGTERM")),
    });
    expect(ending).toMatchObject({ status: 1, sentence: expect.stringContaining("was stopped") });
    await client.query("rollback");
    await client.end();
    expect(await content()).toEqual([first, first]);
    expect(await databases()).toEqual(["audit", `audit__${second}`, "shop", `shop__${second}`]);
});

test("both are switched, switched back and retired together", async () => {
    expect(await replica.run("switch", planFor(second))).toMatchObject({
        status: 0,
        sentence: expect.stringContaining(`of databases shop, audit is live, in place of ${first}`),
    });
    expect(await content()).toEqual([second, second]);
    expect(await databases()).toEqual(["audit", `audit__${first}`, "shop", `shop__${first}`]);
    expect(await replica.run("switch", planFor(first))).toMatchObject({ status: 0 });
    expect(await content()).toEqual([first, first]);

    expect(await replica.run("prepare-media", planFor(first))).toMatchObject({ status: 0 });
    const none = planFor(first, (database) => {
        database.keepGenerations = 0;
    });
    expect(await replica.run("retire", none)).toMatchObject({ status: 0 });
    expect(await databases()).toEqual(["audit", "shop"]);
    const roles = await replica.server.query("postgres", "select from pg_roles where rolname like 'shop\\_\\_%'");
    expect(roles).toHaveLength(1);
});

test("a database that is no longer asked for leaves with the generation that held it", async () => {
    const alone = (id: string) =>
        planFor(id, (database) => {
            database.databases = [{ name: "shop", owner: "shop" }];
        });
    replica.store(stamps[third] ?? "", dumpOf("shop", third));
    for (const command of ["prepare-database", "switch"] as const) {
        expect(await replica.run(command, alone(third))).toMatchObject({ status: 0 });
    }
    expect(await databases()).toEqual([`audit__${first}`, "shop", `shop__${first}`]);
});
