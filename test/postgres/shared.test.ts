import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Command, generationName, markerSql, type Plan } from "../../contract";
import { databaseReport } from "../../contract/report";
import {
    dump,
    type Ending,
    stack as first,
    loginPassword,
    type Replica,
    stampBefore,
    startProduction,
    startReplica,
} from "./replica";
import type { TestServer } from "./server";

/** Two stacks on one server that somebody has brought. */
let replica: Replica;
let production: TestServer;
let backup: Buffer;
let made = 0;
const second = "understudy/second";
const shop = { name: "shop", owner: "shop" };
const copy = { name: "copy", owner: "copyist", production: shop };

beforeAll(async () => {
    [replica, production] = await Promise.all([startReplica(), startProduction()]);
    backup = await dump(production);
    replica.store(stampBefore(4000), backup);
    mkdirSync(join(replica.folder, "volume-second"));
}, 120_000);
afterAll(() => Promise.all([replica?.stop(), production?.stop()]));

/** A plan for another generation of the first stack. */
function firstPlan(change: (plan: Plan) => void = () => undefined): Plan {
    made += 1;
    return replica.plan(made.toString(16).padStart(10, "0"), "00000000aa", (plan) => {
        plan.database.keepBase = true;
        change(plan);
    });
}

/** The same of the second one. */
function secondPlan(change: (plan: Plan) => void = () => undefined): Plan {
    return firstPlan((plan) => {
        plan.stack = second;
        plan.database.databases = [copy];
        plan.media.volume = join(replica.folder, "volume-second");
        change(plan);
    });
}

const otherRules = ({ database }: Plan) => {
    Object.assign(database, { rules: "00000000a2", keepBase: false });
};

async function run(plan: Plan, ...commands: Command[]): Promise<Ending> {
    let ending: Ending | undefined;
    for (const command of commands) {
        ending = await replica.run(command, plan);
        expect(ending.status, `${ending.sentence}\n${ending.log}`).toBe(0);
    }
    return ending as Ending;
}

const prepared = (plan: Plan) => run(plan, "prepare-database");
const live = (plan: Plan) => run(plan, "prepare-database", "prepare-media", "switch", "retire");
const query = (sql: string) => replica.server.query("postgres", sql);

function aside({ database }: Plan): string {
    return generationName(database.databases[0].name, database.generation);
}

async function reportOf({ database }: Plan) {
    const [row] = await query(`select report from understudy.generation where id = '${database.generation}'`);
    return databaseReport.parse(row?.report);
}

/** Schema, rights and rows, as pg_dump writes them; the roles of a policy have no order. */
async function dumped(database: string): Promise<string> {
    const text = (await replica.server.tool("pg_dump", [database])).toString();
    return text
        .replaceAll(/^\\(un)?restrict .*$/gm, "")
        .replaceAll(/ TO (\w+, \w+) USING/g, (_, roles: string) => ` TO ${roles.split(", ").sort().join(", ")} USING`);
}

/** How much in a database depends on each role, and how. */
function dependencies(database: string) {
    return query(
        `select refobjid::regrole::text as role, classid::regclass::text as kind, deptype, count(*)
           from pg_shdepend where refclassid = 'pg_authid'::regclass
            and dbid = (select oid from pg_database where datname = '${database}') group by 1, 2, 3 order by 1, 2, 3`,
    );
}

async function bases(): Promise<string[]> {
    const rows = await query("select datname from pg_database where datname ~ '_base$' order by oid");
    return rows.map(({ datname }) => String(datname));
}

test("a stack is refused until the server is marked as its own too, and the marker leaves the other's", async () => {
    const before = await replica.server.content();
    const plan = secondPlan();
    expect(await replica.run("prepare-database", plan)).toMatchObject({
        status: 3,
        sentence: expect.stringMatching(
            /belongs to the replica of stack understudy\/test's, not of understudy\/second: .*`understudy marker second`/,
        ),
    });
    expect(await replica.server.content()).toBe(before);
    for (const stack of [second, first]) {
        await query(markerSql(stack));
    }
    expect(await query("select stack from understudy.replica order by created")).toEqual([
        { stack: first },
        { stack: second },
    ]);
    expect(await replica.run("prepare-database", { ...plan, stack: "understudy/third" })).toMatchObject({
        status: 3,
        sentence: expect.stringContaining(
            `belongs to the replica of stack ${first}, ${second}, not of understudy/third`,
        ),
    });
});

describe("with a base of the first stack", () => {
    let own: Plan;
    let cloned: Plan;
    beforeAll(async () => {
        own = firstPlan();
        await live(own);
        cloned = secondPlan((plan) => {
            plan.source = {};
        });
        await run(cloned, "prepare-media");
    }, 60_000);

    test("the second one clones it, and gets what a restore of its own would have made", async () => {
        const ending = await prepared(cloned);
        expect(ending.sentence).toContain("database copy is cloned from the base of its backup and proven");
        const { base, phases, unknown } = await reportOf(cloned);
        expect(await bases()).toEqual([`shop__${base}_base`]);
        expect(phases.map(({ name }) => name)).toEqual(["clone", "prove"]);

        // What the second stack does not tell, and the first one does.
        expect(unknown).toContainEqual(expect.stringContaining("source.systemIdentifier is not set"));

        const restored = secondPlan(otherRules);
        expect((await prepared(restored)).sentence).toContain("is restored and proven");
        const text = await dumped(aside(cloned));
        expect(text).toBe(await dumped(aside(restored)));
        expect(text).toContain("OWNER TO copyist");
        expect(text).not.toMatch(/ (TO|FROM|ROLE|BY) shop\b/);
        expect(await dependencies(aside(cloned))).toEqual(await dependencies(aside(restored)));
        const roles = await dependencies(aside(cloned));
        expect(new Set(roles.map(({ role }) => role))).toContain("copyist");
        expect(roles.map(({ role }) => role)).not.toContain("shop");
        // The first one's is as it was.
        expect((await dependencies("shop")).map(({ role }) => role)).toContain("shop");
    });

    test("neither stack's owner gets at the other's databases, or at the base", async () => {
        await run(cloned, "switch");
        const logins = [
            [aside(own), "shop", "copy"],
            [aside(cloned), "copy", "shop"],
        ] as const;
        for (const [user, mine, others] of logins) {
            const login = { user, password: loginPassword };
            expect(await replica.server.query(mine, "select count(*)::int from orders", login)).toEqual([
                { count: 50 },
            ]);
            await expect(replica.server.query(others, "select", login)).rejects.toThrow(
                "permission denied for database",
            );
            for (const database of [others, ...(await bases())]) {
                await expect(replica.server.query(mine, `drop database ${database}`, login)).rejects.toThrow(
                    "must be owner",
                );
            }
        }
    });

    test.each<[string, Plan["database"]["databases"], RegExp]>([
        [
            "name and owner",
            [shop],
            /database shop and role shop belong to stack understudy\/test's: set another database\.name and another database\.owner, /,
        ],
        [
            "name",
            [{ ...copy, name: "shop" }],
            /, database shop belongs to stack understudy\/test's: set another database\.name, /,
        ],
        [
            "owner",
            [{ ...copy, owner: "shop" }],
            /, role shop belongs to stack understudy\/test's: set another database\.owner, /,
        ],
        [
            "further database",
            [copy, { name: "shop", owner: "copyist" }],
            /set another database\.name \(or in database\.others\)/,
        ],
        [
            "role",
            [{ ...copy, owner: "auditor" }],
            /Role auditor owns what is in database shop of stack understudy\/test's/,
        ],
    ])("the other's %s is refused, and nothing is changed", async (_, databases, sentence) => {
        const before = await replica.server.content();
        const plan = secondPlan(({ database }) => {
            database.databases = databases;
        });
        expect(await replica.run("prepare-database", plan)).toMatchObject({
            status: 3,
            sentence: expect.stringMatching(sentence),
        });
        expect(await replica.server.content()).toBe(before);
    });

    test("an owner here that is somebody else's name in production gets nothing of that role's, cloned or restored", async () => {
        const plan = secondPlan(({ database }) => {
            database.databases = [{ ...copy, owner: "reader" }];
        });
        expect(await replica.run("prepare-database", plan)).toMatchObject({
            status: 1,
            sentence: expect.stringContaining("names role reader, which is not the database's owner in production"),
        });
    });

    test("another stack's generation is no stranger, and no name to take", async () => {
        const plan = secondPlan(({ database }) => {
            database.databases = [{ ...copy, name: `shop__${own.database.generation}` }];
        });
        await run(plan, "survey");
        const login = secondPlan(({ database }) => {
            database.databases = [{ ...copy, owner: `shop__${own.database.generation}` }];
        });
        expect(await replica.run("prepare-database", login)).toMatchObject({
            status: 3,
            sentence: expect.stringContaining(`Role shop__${own.database.generation}, which is to own or use`),
        });
    });

    test("what one stack refreshes, goes back to and retires leaves the other's as it was", async () => {
        const before = [await dumped("copy"), await dependencies("copy")];
        const plan = firstPlan((one) => {
            otherRules(one);
            one.database.keepGenerations = 1;
        });
        await live(plan);
        await run(own, "switch");
        await run({ ...own, database: { ...own.database, keepGenerations: 0 } }, "retire");
        expect([await dumped("copy"), await dependencies("copy")]).toEqual(before);
        const login = { user: aside(cloned), password: loginPassword };
        expect(await replica.server.query("copy", "select count(*)::int from orders", login)).toEqual([{ count: 50 }]);
        const left = await query("select stack, state from understudy.generation where state <> 'proven' order by 1");
        expect(left).toEqual([
            { stack: second, state: "live" },
            { stack: first, state: "live" },
        ]);
    });

    test("a base that goes while it is cloned, or is not as it was, is restored in its place", async () => {
        const [base] = await bases();
        await query(`alter database ${base} allow_connections true`);
        const { port, password } = replica.server;
        const client = new Client({ host: "127.0.0.1", port, user: "postgres", password, database: String(base) });
        client.on("error", () => undefined);
        await client.connect();
        const plan = secondPlan((one) => {
            one.source = {};
        });
        const ending = await prepared(plan);
        await client.end().catch(() => undefined);
        expect(ending.log).toMatch(
            /cannot be used \(source database .* is being accessed by other users\): restoring all of/,
        );
        expect(ending.sentence).toContain("is restored and proven");
        const [next, ...more] = await bases();
        expect([next, more]).toEqual([base?.replace("shop", "copy"), []]);

        // Now the first one clones the second one's.
        const other = firstPlan();
        expect((await prepared(other)).sentence).toContain("is cloned from the base of its backup");
        expect(await dumped(aside(other))).toBe(await dumped("shop"));
        expect((await reportOf(plan)).unknown).toContainEqual(expect.stringContaining("is not set"));
        expect((await reportOf(other)).unknown).not.toContainEqual(expect.stringContaining("is not set"));
        await query(`alter database ${next} is_template false`);
        await query(`drop database ${next}`);
        const without = firstPlan();
        expect((await prepared(without)).sentence).toContain("is restored and proven");
        expect(await bases()).toEqual([base]);
    });

    test("a base stays as long as what is live of either stack was made out of it", async () => {
        const [base] = await bases();
        const without = (plan: Plan) => ({ ...plan, database: { ...plan.database, keepBase: false } });
        const alone = await bases();
        await run(without(own), "retire");
        await run(without(cloned), "retire");
        expect(await bases()).toEqual(alone);

        await production.query("shop", "create table younger (n integer)");
        replica.store(stampBefore(2000), await dump(production));
        await live(firstPlan());
        const [, younger] = await bases();
        expect(await bases()).toEqual([base, younger]);
        await live(secondPlan());
        expect(await bases()).toEqual([younger]);
        expect(await dumped("copy")).toContain("CREATE TABLE public.younger");
    });
});

describe("while one stack restores", () => {
    const slow = (plan: Plan) => {
        plan.database.backups = join(replica.folder, "slow");
        plan.database.rules = "00000000a3";
    };

    /** The roles that load something now. */
    const loading = () => query("select from pg_roles where rolname ~ '^understudy_restore_'");

    /** Runs something once the load of a plan has begun. */
    async function during<T>(plan: Plan, other: () => Promise<T>): Promise<[Ending, T]> {
        let begun: Promise<T> | undefined;
        const ending = await replica.run("prepare-database", plan, {
            started: (child) =>
                child.stdout?.on("data", (chunk) => {
                    if (/"begun","phase":"load"/.test(String(chunk))) {
                        begun ??= other();
                    }
                }),
        });
        if (begun === undefined) {
            throw new Error(`There was no load: ${ending.log}`);
        }
        return [ending, await begun];
    }

    beforeAll(() => {
        mkdirSync(join(replica.folder, "slow/hourly"), { recursive: true });
        const text = gunzipSync(backup).toString("latin1");
        const sleeping = text.replace("SET row_security = off;", "$&\nSELECT pg_sleep(3);");
        expect(sleeping).not.toBe(text);
        const path = join(replica.folder, `slow/hourly/backup-${stampBefore(1000)}-shop.sql.gz`);
        writeFileSync(path, gzipSync(Buffer.from(sleeping, "latin1")));
    });

    test("the other one switches, and waits with its own refresh: then it clones what the first one has restored", async () => {
        const next = secondPlan();
        await prepared(next);
        const clone = secondPlan(slow);
        const [ending, [switched, waited]] = await during(firstPlan(slow), async () => {
            const switched = await replica.run("switch", next);
            expect(await loading()).toHaveLength(1);
            return [switched, await replica.run("prepare-database", clone)];
        });
        expect(ending, ending.log).toMatchObject({ status: 0, sentence: expect.stringContaining("is restored") });
        expect(switched, switched.log).toMatchObject({ status: 0, sentence: expect.stringContaining("is live") });
        expect(waited.log).toMatch(/waiting for another stack's run at this server: understudy prepare-database 0/);
        expect(waited, waited.log).toMatchObject({ status: 0, sentence: expect.stringContaining("is cloned") });
        expect((await reportOf(clone)).base).toBe(
            (await query("select id from understudy.base where rules = '00000000a3'"))[0]?.id,
        );
    });

    test("who waits can be stopped, and has changed nothing", async () => {
        const plan = secondPlan(slow);
        const restoring = firstPlan((one) => {
            slow(one);
            one.database.rules = "00000000a4";
        });
        const [ending, stopped] = await during(restoring, async () => {
            const stopped = await replica.run("prepare-database", plan, {
                started: (child) =>
                    child.stdout?.on("data", (chunk) => /waiting for/.test(String(chunk)) && child.kill("SIGTERM")),
            });
            expect(await loading()).toHaveLength(1);
            return stopped;
        });
        expect(ending, ending.log).toMatchObject({ status: 0 });
        expect(stopped).toMatchObject({ status: 1, sentence: expect.stringContaining("was stopped") });
        expect(await query(`select from understudy.generation where id = '${plan.database.generation}'`)).toEqual([]);
    });
});
