import { afterAll, beforeAll, expect, test } from "vitest";
import { aside } from "../postgres/replica";
import { sweep } from "../sweep";
import { type FaultStage, killed, openFaultStage } from "./stage";

/** What a run that died long ago has left is recognised and goes, whatever state it was left in. */
let stage: FaultStage;
beforeAll(async () => {
    stage = await openFaultStage();
});
afterAll(() => stage?.stop());

const id = "dead00dead";
const recorded = `insert into understudy.generation (id, name, stack, owner, state)
    select '${id}', 'shop', stack, 'shop', 'preparing' from understudy.replica`;
const roles = [`create role understudy_load_${id}`, `create role understudy_restore_${id} login password 'x'`];
const database = `create database ${aside(id)} owner understudy_restore_${id}`;
const base = (report: string) =>
    `insert into understudy.base (id, name, owner, rules, report, position)
     values ('${id}', 'shop', 'shop', '00000000a1', ${report}, 0)`;

sweep<[string, string[]]>([
    ["a record, and nothing of it", [recorded]],
    ["roles without their database", [recorded, ...roles]],
    ["an empty database", [recorded, ...roles, database]],
    [
        "a database and the login made for it",
        [recorded, database.replace(/ owner .*/, ""), `create role ${aside(id)} noinherit`],
    ],
    ["a base that was begun", [base("null")]],
    ["a base that was begun, and its database", [base("null"), `create database ${aside(id)}_base`]],
    [
        "a base that nobody may connect to yet",
        [base("null"), `create database ${aside(id)}_base is_template true allow_connections false`],
    ],
    ["a former generation whose database is gone", [recorded.replace("preparing", "former")]],
])("%s", async (step, statements) => {
    for (const statement of statements) {
        await stage.replica.server.query("postgres", statement);
    }
    await stage.recovered({ fault: "26 left by a former run", step, ending: killed, plan: stage.next() });
    const left = await stage.replica.server.query(
        "postgres",
        `select datname as name from pg_database where datname like '%${id}%'
         union all select rolname from pg_roles where rolname like '%${id}%'
         union all select id from understudy.generation where id = '${id}'
         union all select id from understudy.base where id = '${id}'`,
    );
    expect(left).toEqual([]);
});

test("the plan's own generation, half made", async () => {
    const plan = stage.next();
    const own = plan.database.generation;
    for (const statement of [recorded, ...roles, database]) {
        await stage.replica.server.query("postgres", statement.replaceAll(id, own));
    }
    await stage.recovered({ fault: "26 left by a former run", step: "the same generation", ending: killed, plan });
});

test("a database of such a name that no run has written down is somebody's, and is named", async () => {
    await stage.replica.server.query("postgres", `create database ${aside(id)}`);
    const plan = stage.next();
    const ending = await stage.attempt("prepare-database", plan);
    expect(ending).toMatchObject({
        status: 3,
        sentence: expect.stringContaining(`Database ${aside(id)} is on the server, but understudy has not made it`),
    });
    await stage.replica.server.query("postgres", `drop database ${aside(id)}`);
    await stage.recovered({ fault: "26 left by somebody else", step: "a database", ending, plan });
});
