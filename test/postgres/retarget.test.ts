import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generationName, type Plan } from "../../contract";
import { databaseReport } from "../../contract/report";
import { dump, ids, loginPassword, type Replica, stampBefore, startProduction, startReplica } from "./replica";
import type { TestServer } from "./server";

let replica: Replica;
let production: TestServer;
const stamp = stampBefore(600);
const renamed = { name: "staging", owner: "shopkeeper", production: { name: "shop", owner: "shop" } };

beforeAll(async () => {
    [replica, production] = await Promise.all([startReplica(), startProduction()]);
    replica.store(stamp, await dump(production));
    const server = await production.tool("pg_dumpall", ["--clean", "--if-exists"]);
    writeFileSync(join(replica.folder, "store/hourly", `backup-${stamp}-dumpall.sql.gz`), gzipSync(server));
});
afterAll(() => Promise.all([replica?.stop(), production?.stop()]));

async function restored(id: string, change: (database: Plan["database"]) => void) {
    const plan = replica.plan(id, ids[0], ({ database }) => change(database));
    const ending = await replica.run("prepare-database", plan);
    expect(ending.status, ending.log).toBe(0);
    const [row] = await replica.server.query("postgres", `select report from understudy.generation where id = '${id}'`);
    const text = await replica.server.tool("pg_dump", [generationName(plan.database.databases[0].name, id)]);
    return {
        plan,
        report: databaseReport.parse(row?.report),
        text: text.toString().replaceAll(/^\\(un)?restrict .*$/gm, ""),
    };
}

/** Roles of a policy stand in the order in which they were made. */
function sorted(text: string): string {
    return text.replaceAll(
        / TO (\w+, \w+) USING/g,
        (_, roles: string) => ` TO ${roles.split(", ").sort().join(", ")} USING`,
    );
}

test("a database can have another name and owner than in production, and is the same otherwise", async () => {
    const here = await restored(ids[1], (database) => {
        database.databases = [renamed];
    });
    const roles = await replica.server.query("postgres", "select rolname from pg_roles where rolname = 'shop'");
    expect(roles).toEqual([]);
    const same = await restored(ids[2], () => undefined);
    expect(here.text).toContain("OWNER TO shopkeeper");
    expect(sorted(here.text.replaceAll("shopkeeper", "shop"))).toBe(sorted(same.text));
    expect(here.report).toMatchObject({ backup: same.report.backup, tables: same.report.tables });
});

test("it is taken out of a whole server's dump by its name there, and its login acts as its owner here", async () => {
    const { plan, report } = await restored(ids[3], (database) => {
        Object.assign(database, { databases: [renamed], dump: "server" });
    });
    expect(report.leftOut).toContainEqual("2 other databases (template1, postgres)");
    for (const command of ["prepare-media", "switch"] as const) {
        const ending = await replica.run(command, plan);
        expect(ending.status, ending.log).toBe(0);
    }
    const login = { user: generationName("staging", ids[3]), password: loginPassword };
    await replica.server.query("staging", "create table mine (n integer)", login);
    const [owner] = await replica.server.query("staging", "select tableowner from pg_tables where tablename = 'mine'");
    expect(owner).toEqual({ tableowner: "shopkeeper" });
});

test("what production does not back up is named as it is called there, with the setting that names it", async () => {
    const absent = { ...renamed, production: { name: "store", owner: "shop" } };
    for (const [dump, says] of [
        ["database", /holds no backup of database store, only of shop and of a whole server/],
        ["server", /holds no database store: set database\.production\.name to one that it holds/],
    ] as const) {
        const plan = replica.plan(ids[4], ids[0], ({ database }) => {
            Object.assign(database, { databases: [absent], dump });
        });
        const ending = await replica.run("prepare-database", plan);
        expect(ending.sentence).toMatch(says);
        expect(ending.status).not.toBe(0);
    }
});
