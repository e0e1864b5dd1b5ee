import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { markerSql, type Plan } from "../../contract";
import { sweep } from "../sweep";
import { dump, stack as first, loginPassword, stampBefore } from "./replica";
import { aside, copy, type Stacks, second, shop, startStacks } from "./stacks";

/** Two stacks on one server. */
let stacks: Stacks;
beforeAll(async () => {
    stacks = await startStacks();
});
afterAll(() => stacks?.stop());

const otherRules = ({ database }: Plan) => {
    Object.assign(database, { rules: "00000000a2", keepBase: false });
};

/** Schema, rights and rows, as pg_dump writes them; the roles of a policy have no order. */
async function dumped(database: string): Promise<string> {
    const text = (await stacks.replica.server.tool("pg_dump", [database])).toString();
    return text
        .replaceAll(/^\\(un)?restrict .*$/gm, "")
        .replaceAll(/ TO (\w+, \w+) USING/g, (_, roles: string) => ` TO ${roles.split(", ").sort().join(", ")} USING`);
}

/** How much in a database depends on each role, and how. */
function dependencies(database: string) {
    return stacks.query(
        `select refobjid::regrole::text as role, classid::regclass::text as kind, deptype, count(*)
           from pg_shdepend where refclassid = 'pg_authid'::regclass
            and dbid = (select oid from pg_database where datname = '${database}') group by 1, 2, 3 order by 1, 2, 3`,
    );
}

async function bases(): Promise<string[]> {
    const rows = await stacks.query("select datname from pg_database where datname ~ '_base$' order by oid");
    return rows.map(({ datname }) => String(datname));
}

test("a stack is refused until the server is marked as its own too, and the marker leaves the other's", async () => {
    const before = await stacks.replica.server.content();
    const plan = stacks.secondPlan();
    expect(await stacks.replica.run("prepare-database", plan)).toMatchObject({
        status: 3,
        sentence: expect.stringMatching(
            /belongs to the replica of stack understudy\/test's, not of understudy\/second: .*`understudy marker second`/,
        ),
    });
    expect(await stacks.replica.server.content()).toBe(before);
    for (const stack of [second, first]) {
        await stacks.query(markerSql(stack));
    }
    expect(await stacks.query("select stack from understudy.replica order by created")).toEqual([
        { stack: first },
        { stack: second },
    ]);
    expect(await stacks.replica.run("prepare-database", { ...plan, stack: "understudy/third" })).toMatchObject({
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
        own = stacks.firstPlan();
        await stacks.live(own);
        cloned = stacks.secondPlan((plan) => {
            plan.source = {};
        });
        await stacks.run(cloned, "prepare-media");
    });

    test("the second one clones it, and gets what a restore of its own would have made", async () => {
        const ending = await stacks.prepared(cloned);
        expect(ending.sentence).toContain("database copy is cloned from the base of its backup and proven");
        const { base, phases, unknown } = await stacks.reportOf(cloned);
        expect(await bases()).toEqual([`shop__${base}_base`]);
        expect(phases.map(({ name }) => name)).toEqual(["clone", "prove"]);

        // What the second stack does not tell, and the first one does.
        expect(unknown).toContainEqual(expect.stringContaining("source.systemIdentifier is not set"));

        const restored = stacks.secondPlan(otherRules);
        expect((await stacks.prepared(restored)).sentence).toContain("is restored and proven");
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
        await stacks.run(cloned, "switch");
        const logins = [
            [aside(own), "shop", "copy"],
            [aside(cloned), "copy", "shop"],
        ] as const;
        for (const [user, mine, others] of logins) {
            const login = { user, password: loginPassword };
            expect(await stacks.replica.server.query(mine, "select count(*)::int from orders", login)).toEqual([
                { count: 50 },
            ]);
            await expect(stacks.replica.server.query(others, "select", login)).rejects.toThrow(
                "permission denied for database",
            );
            for (const database of [others, ...(await bases())]) {
                await expect(stacks.replica.server.query(mine, `drop database ${database}`, login)).rejects.toThrow(
                    "must be owner",
                );
            }
        }
    });

    sweep<[string, Plan["database"]["databases"], RegExp]>([
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
        const before = await stacks.replica.server.content();
        const plan = stacks.secondPlan(({ database }) => {
            database.databases = databases;
        });
        expect(await stacks.replica.run("prepare-database", plan)).toMatchObject({
            status: 3,
            sentence: expect.stringMatching(sentence),
        });
        expect(await stacks.replica.server.content()).toBe(before);
    });

    test("an owner here that is somebody else's name in production gets nothing of that role's, cloned or restored", async () => {
        const plan = stacks.secondPlan(({ database }) => {
            database.databases = [{ ...copy, owner: "reader" }];
        });
        expect(await stacks.replica.run("prepare-database", plan)).toMatchObject({
            status: 1,
            sentence: expect.stringContaining("names role reader, which is not the database's owner in production"),
        });
    });

    test("another stack's generation is no stranger, and no name to take", async () => {
        const plan = stacks.secondPlan(({ database }) => {
            database.databases = [{ ...copy, name: `shop__${own.database.generation}` }];
        });
        await stacks.run(plan, "survey");
        const login = stacks.secondPlan(({ database }) => {
            database.databases = [{ ...copy, owner: `shop__${own.database.generation}` }];
        });
        expect(await stacks.replica.run("prepare-database", login)).toMatchObject({
            status: 3,
            sentence: expect.stringContaining(`Role shop__${own.database.generation}, which is to own or use`),
        });
    });

    test("what one stack refreshes, goes back to and retires leaves the other's as it was", async () => {
        const before = [await dumped("copy"), await dependencies("copy")];
        const plan = stacks.firstPlan((one) => {
            otherRules(one);
            one.database.keepGenerations = 1;
        });
        await stacks.live(plan);
        await stacks.run(own, "switch");
        await stacks.run({ ...own, database: { ...own.database, keepGenerations: 0 } }, "retire");
        expect([await dumped("copy"), await dependencies("copy")]).toEqual(before);
        const login = { user: aside(cloned), password: loginPassword };
        expect(await stacks.replica.server.query("copy", "select count(*)::int from orders", login)).toEqual([
            { count: 50 },
        ]);
        const left = await stacks.query(
            "select stack, state from understudy.generation where state <> 'proven' order by 1",
        );
        expect(left).toEqual([
            { stack: second, state: "live" },
            { stack: first, state: "live" },
        ]);
    });

    test("a base that goes while it is cloned, or is not as it was, is restored in its place", async () => {
        const [base] = await bases();
        await stacks.query(`alter database ${base} allow_connections true`);
        const { port, password } = stacks.replica.server;
        const client = new Client({ host: "127.0.0.1", port, user: "postgres", password, database: String(base) });
        client.on("error", () => undefined);
        await client.connect();
        const plan = stacks.secondPlan((one) => {
            one.source = {};
        });
        const ending = await stacks.prepared(plan);
        await client.end().catch(() => undefined);
        expect(ending.log).toMatch(
            /cannot be used \(source database .* is being accessed by other users\): restoring all of/,
        );
        expect(ending.sentence).toContain("is restored and proven");
        const [next, ...more] = await bases();
        expect([next, more]).toEqual([base?.replace("shop", "copy"), []]);

        // Now the first one clones the second one's.
        const other = stacks.firstPlan();
        expect((await stacks.prepared(other)).sentence).toContain("is cloned from the base of its backup");
        expect(await dumped(aside(other))).toBe(await dumped("shop"));
        expect((await stacks.reportOf(plan)).unknown).toContainEqual(expect.stringContaining("is not set"));
        expect((await stacks.reportOf(other)).unknown).not.toContainEqual(expect.stringContaining("is not set"));
        await stacks.query(`alter database ${next} is_template false`);
        await stacks.query(`drop database ${next}`);
        const without = stacks.firstPlan();
        expect((await stacks.prepared(without)).sentence).toContain("is restored and proven");
        expect(await bases()).toEqual([base]);
    });

    test("a base stays as long as what is live of either stack was made out of it", async () => {
        const [base] = await bases();
        const without = (plan: Plan) => ({ ...plan, database: { ...plan.database, keepBase: false } });
        const alone = await bases();
        await stacks.run(without(own), "retire");
        await stacks.run(without(cloned), "retire");
        expect(await bases()).toEqual(alone);

        await stacks.production.query("shop", "create table younger (n integer)");
        stacks.replica.store(stampBefore(2000), await dump(stacks.production));
        await stacks.live(stacks.firstPlan());
        const [, younger] = await bases();
        expect(await bases()).toEqual([base, younger]);
        await stacks.live(stacks.secondPlan());
        expect(await bases()).toEqual([younger]);
        expect(await dumped("copy")).toContain("CREATE TABLE public.younger");
    });
});
