import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CopyPlan } from "../../contract";
import type { HookPoint, HooksPlan } from "../../contract/hooks";
import { databaseReport } from "../../contract/report";
import { sweep } from "../sweep";
import { aside, frame, ids, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
let page: Server;
const [first, second, third] = ids;

/** What a secret is, which nobody may come to see. */
const secret = "s3cr3t 'of' many\\words";

beforeAll(async () => {
    replica = await startReplica({ log_statement: "all", log_min_duration_statement: "0", logging_collector: "on" });
    const functions =
        "CREATE FUNCTION public.climb() RETURNS trigger LANGUAGE plpgsql AS $$begin " +
        "perform set_config('role', 'none', false); new.text := (select current_user); return new; end$$;\n" +
        "ALTER FUNCTION public.climb() OWNER TO shop;\n" +
        "CREATE TRIGGER climb BEFORE INSERT ON public.item FOR EACH ROW EXECUTE FUNCTION public.climb();\n";
    replica.store(
        stampBefore(3600),
        frame(
            "CREATE TABLE public.item (n integer PRIMARY KEY, text text);\nALTER TABLE public.item OWNER TO shop;\n" +
                `COPY public.item (n, text) FROM stdin;\n1\tone\n2\ttwo\n\\.\n${functions}`,
        ),
    );
    writeFileSync(join(replica.folder, "secrets/oauth"), `${secret}\n`);
    page = createServer((_, response) => response.end("well")).listen(0, "127.0.0.1");
    expect(await replica.run("prepare-media", replica.plan(first, first))).toMatchObject({ status: 0 });
    await live(first);
});
afterAll(async () => {
    page?.close();
    await replica?.stop();
});

/** A plan of a generation with hooks at a point. */
function planOf(
    id: string,
    at: Partial<Record<HookPoint, (string | object)[]>>,
    more: Partial<HooksPlan> = {},
): CopyPlan {
    const hook = (written: string | object, number: number) => ({
        name: `hook ${number + 1}`,
        database: "shop",
        transaction: true,
        ...(typeof written === "string" ? { sql: written } : written),
    });
    return replica.plan(id, first, (plan) => {
        plan.smoke = { url: `http://127.0.0.1:${(page.address() as AddressInfo).port}/` };
        plan.hooks = {
            at: Object.fromEntries(Object.entries(at).map(([point, hooks]) => [point, hooks.map(hook)])),
            variables: { site: "https://staging.example.org" },
            secrets: { oauth: join(replica.folder, "secrets/oauth") },
            timeout: 60,
            ...more,
        } as HooksPlan;
    });
}

/** A generation is prepared and switched to. */
async function live(id: string, plan = replica.plan(id, first)): Promise<void> {
    for (const command of ["prepare-database", "switch"] as const) {
        expect(await replica.run(command, plan)).toMatchObject({ status: 0 });
    }
}

const items = (database: string) => replica.server.query(database, "select n, text from item order by n");
const roles = () => replica.server.query("postgres", "select rolname from pg_roles where rolname like 'understudy%'");

describe("hooks before the switch", () => {
    test("run in their order as the owner, with values, on the copy that nobody uses yet", async () => {
        const plan = planOf(second, {
            beforeSwitch: ["update item set text = text || '!'"],
            afterRestore: [
                "-- What it is called here.\nupdate item set text = current_setting('understudy.site') where n = 1;\n" +
                    "update item set text = current_setting('understudy.oauth') where n = 2",
                "create table mine as select current_user::text as name, session_user::text as session",
            ],
        });
        const { status, sentence } = await replica.run("prepare-database", plan);
        expect(sentence).toMatch(/is restored and proven/);
        expect(status).toBe(0);
        expect(await items(aside(second))).toEqual([
            { n: 1, text: "https://staging.example.org!" },
            { n: 2, text: `${secret}!` },
        ]);
        expect(await items("shop")).toEqual([
            { n: 1, text: "one" },
            { n: 2, text: "two" },
        ]);
        expect(await replica.server.query(aside(second), "select name, session from mine")).toEqual([
            { name: "shop", session: `understudy_act_${second}` },
        ]);
        expect(await roles()).toEqual([]);
        const [{ report }] = (await replica.server.query(
            "postgres",
            `select report from understudy.generation where id = '${second}'`,
        )) as [{ report: unknown }];
        expect(databaseReport.parse(report).hooks).toMatchObject([
            { point: "afterRestore", name: "hook 1", rows: 2 },
            { point: "afterRestore", name: "hook 2", rows: 1 },
            { point: "beforeSwitch", name: "hook 1", rows: 2 },
        ]);
    });

    test("do nothing as the superuser, whatever production has left behind", async () => {
        await replica.run("prepare-database", planOf(third, { afterRestore: ["insert into item values (3, '')"] }));
        expect((await items(aside(third)))[2]).toEqual({ n: 3, text: `understudy_act_${third}` });
    });

    sweep<[string, string | object, RegExp]>([
        [
            "fails",
            "select 1;\n\nupdate item\nset nonsense = 1",
            /hook 1 \(afterRestore, database shop\) fails at line 4: column "nonsense" .* does not exist/,
        ],
        [
            "may not do it",
            "select pg_read_file('/etc/passwd')",
            /fails at line 1: permission denied for function pg_read_file/,
        ],
        [
            "cannot be in a transaction",
            "vacuum item",
            /VACUUM cannot run inside a transaction block; write transaction: false for it/,
        ],
        ["is for psql", "\\set x 1\nselect :x", /it holds the psql command \\set/],
        ["has rows", "copy item from stdin;\n3\tthree\n\\.\n", /it holds rows after COPY … FROM stdin: write INSERT/],
        ["ends in the middle", "select 'one", /it ends in the middle of a statement/],
        [
            "names a secret in its error",
            "select current_setting('understudy.oauth')::integer",
            /invalid input syntax for type integer: "<oauth>"/,
        ],
    ])("that one %s is told, and nothing of the copy is left", async (_, hook, reason) => {
        const before = await replica.server.content();
        const { status, sentence, log } = await replica.run(
            "prepare-database",
            planOf("00000000ee", { afterRestore: [hook] }),
        );
        expect(sentence).toMatch(reason);
        expect(status).toBe(1);
        expect(log).not.toContain("s3cr3t");
        expect(await replica.server.content()).toBe(before);
        expect(await roles()).toEqual([]);
    });

    test("that one takes too long is told, and it is ended", async () => {
        const plan = planOf("00000000ee", { afterRestore: ["select pg_sleep(600)"] }, { timeout: 1 });
        const { status, sentence } = await replica.run("prepare-database", plan);
        expect(sentence).toMatch(/hook 1 \(afterRestore, database shop\) took longer than hooks.timeout \(1 s\)/);
        expect(status).toBe(1);
        expect(await roles()).toEqual([]);
    });

    test("that needs no transaction has each of its statements on its own", async () => {
        const plan = planOf("00000000ee", {
            afterRestore: [
                { sql: "update item set text = 'kept' where n = 1; vacuum item; select 1 / 0", transaction: false },
            ],
        });
        plan.keepFailed = true;
        const { sentence } = await replica.run("prepare-database", plan);
        expect(sentence).toMatch(/fails at line 1: division by zero/);
        expect((await items(aside("00000000ee")))[0]).toEqual({ n: 1, text: "kept" });
    });
});

describe("hooks after the switch", () => {
    const counting = "create table if not exists count (at timestamptz); insert into count values (now())";
    const counted = async () =>
        (await replica.server.query("shop", "select count(*)::int as n from count"))[0] as { n: number };

    test("run once, however often the run is repeated, and once more as others", async () => {
        const plan = planOf(second, { afterSwitch: [counting], afterStart: [counting] });
        expect((await replica.run("switch", plan)).sentence).toMatch(
            /is live, in place of .* 1 hook run \(afterSwitch\), 1 row\.$/,
        );
        expect((await replica.run("switch", plan)).sentence).toMatch(/is live already: nothing to do\.$/);
        expect((await replica.run("smoke", plan)).sentence).toMatch(
            /answers 200, .* 1 hook run \(afterStart\), 1 row\.$/,
        );
        expect((await replica.run("smoke", plan)).sentence).toMatch(/answers 200, after [\d.]+ s\.$/);
        expect(await counted()).toEqual({ n: 2 });
        const other = planOf(second, { afterSwitch: [`${counting};`] });
        expect((await replica.run("switch", other)).sentence).toMatch(/1 hook run/);
        expect(await counted()).toEqual({ n: 3 });
    });

    test("run again when the copy becomes the live one again", async () => {
        const plan = planOf(second, { afterSwitch: [`${counting};`] });
        expect((await replica.run("switch", plan)).sentence).toMatch(/nothing to do\.$/);
        await live(first);
        expect((await replica.run("switch", plan)).sentence).toMatch(/1 hook run/);
        expect(await counted()).toEqual({ n: 4 });
    });

    test("are not run as a superuser, whoever the plan says that the owner is", async () => {
        const plan = planOf(second, { afterSwitch: ["select 1"] });
        plan.database.databases = [{ name: "shop", owner: "postgres" }];
        const { status, sentence } = await replica.run("switch", plan);
        expect(sentence).toMatch(/something belongs to the superuser postgres: nothing is run as one/);
        expect(status).toBe(1);
    });

    test("that fail are told, and run again", async () => {
        const plan = planOf(first, { afterSwitch: [counting, "select 1 / 0"] });
        const { status, sentence } = await replica.run("switch", plan);
        expect(sentence).toMatch(
            /hook 2 \(afterSwitch, database shop\) fails at line 1: division by zero\. The new copies are live/,
        );
        expect(status).toBe(1);
        expect((await replica.run("switch", planOf(first, { afterSwitch: [counting] }))).sentence).toMatch(
            /1 hook run/,
        );
    });
});

test("no value of a secret has come to the server's log", async () => {
    const [row] = await replica.server.query("postgres", "select pg_read_file(pg_current_logfile()) as log");
    expect(row?.log).toContain(`create role "understudy_act_${second}"`);
    expect(row?.log).not.toContain("s3cr3t");
});
