import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type HostStage, loginPassword, openHostStage } from "./stage";

let stage: HostStage;
beforeAll(async () => {
    stage = await openHostStage("hosts");
});
afterAll(() => stage?.stop());

const rows = async () => (await stage.replica.query("shop", "select count(*)::int as rows from item"))[0]?.rows;
const sourceContent = () => stage.production.content();

/** Files of a machine's folder for agents, besides the agent itself. */
function left(machine: keyof HostStage["machines"]): string[] {
    const folder = join(stage.machines[machine].folder, "var", `understudy-${stage.stack}`);
    const names = existsSync(folder) ? readdirSync(folder, { recursive: true }) : [];
    return names.map(String).filter((name) => name !== "agent.cjs");
}

test("step 1: a preview says what an update would do, and changes nothing", async () => {
    const before = await stage.replica.content();
    const { status, output } = await stage.run("preview");
    expect(output).toMatch(/database +shop on target: dumped on production now/);
    expect(status).toBe(0);
    expect(await stage.replica.content()).toBe(before);
    expect(left("target")).toEqual([]);
});

test("step 2: the first update brings the database into an empty target (S3-09)", async () => {
    const before = await sourceContent();
    const { status, output } = await stage.run("up");
    expect(output).toContain("500 rows in 1 table");
    expect(output).toContain("No service ran");
    expect(status).toBe(0);
    expect(await rows()).toBe(500);
    expect(await sourceContent()).toBe(before);
});

test("step 3: what it has brought is owned by the owner, and the login can read and write it (S3-08)", async () => {
    const as = { user: "shop_app", password: loginPassword };
    await stage.replica.query("shop", "insert into item (name) values ('only here')", as);
    expect(await stage.replica.query("shop", "select tableowner from pg_tables where tablename = 'item'")).toEqual([
        { tableowner: "shop" },
    ]);
    expect(await rows()).toBe(501);
});

test("step 4: another update has nothing to do; a preview of another copy names what it replaces and stops, and changes nothing (S4-14)", async () => {
    const { status, output } = await stage.run("up");
    expect(output).not.toMatch(/command:local:Command/);
    expect(status).toBe(0);
    const before = await stage.replica.content();
    const preview = await stage.run("preview", { "database.refresh": "2" });
    expect(preview.output).toMatch(/^replaced +[0-9a-f]{10}, of backup/m);
    expect(preview.output).toMatch(/^stopped meanwhile +web on application$/m);
    expect(await stage.replica.content()).toBe(before);
    expect(await rows()).toBe(501);
});

test("step 5: a refresh stops the service, brings production's rows and starts it again (S1-01)", async () => {
    stage.startService();
    await stage.serves("501");
    const first = stage.service();
    await stage.production.query("shop", "insert into item (name) values ('newer')");
    const { status, output } = await stage.run("refresh");
    expect(output).toMatch(/web was stopped for [\d.]+ s and runs again/);
    expect(output).toMatch(/The page \S+ answers 200/);
    expect(status).toBe(0);
    await stage.serves("501");
    expect(stage.service()).not.toBe(first);
    expect(
        await stage.replica.query("shop", "select count(*)::int as rows from item where name = 'only here'"),
    ).toEqual([{ rows: 0 }]);
});

test("step 6: nothing is left on any machine (S1-17), and what was there could be read by nobody else (S3-14)", () => {
    for (const name of ["production", "target", "application"] as const) {
        expect(left(name)).toEqual([]);
        const folder = join(stage.machines[name].folder, "var", `understudy-${stage.stack}`);
        expect(execFileSync("find", [folder, "-perm", "/077"], { encoding: "utf8" })).toBe("");
    }
});

test("step 7: no secret is in the state, in the stack file or in what is printed (S4-12)", async () => {
    const { output } = await stage.run("preview");
    const { folder } = stage;
    for (const secret of [loginPassword, stage.replica.password, stage.keys.good.split("\n")[2] ?? ""]) {
        expect(output).not.toContain(secret);
        const found = execFileSync("sh", ["-c", 'grep -rlF -e "$1" "$2" || true', "sh", secret, folder], {
            encoding: "utf8",
        });
        expect(found).toBe("");
    }
});

test("step 8: status tells what is live", async () => {
    const { status, output } = await stage.run("status");
    expect(output).toMatch(/database +generation [0-9a-f]{10}, from backup/);
    expect(output).toMatch(/services +web/);
    expect(status).toBe(0);
});

test("step 9: a rollback brings the former copy back, with what was written to it", async () => {
    const { status, output } = await stage.run("rollback");
    expect(output).toContain("is live, in place of");
    expect(status).toBe(0);
    await stage.serves("501");
    expect(
        await stage.replica.query("shop", "select count(*)::int as rows from item where name = 'only here'"),
    ).toEqual([{ rows: 1 }]);
});

test("step 10: a wipe takes away what was made, and nothing else", async () => {
    process.kill(stage.service() ?? 0, "SIGKILL");
    await stage.replica.query("postgres", "create database bystander");
    const { status, output } = await stage.run("wipe", undefined, "--yes");
    expect(output).toContain("the database server with its marker");
    expect(status).toBe(0);
    const names = await stage.replica.query(
        "postgres",
        "select datname from pg_database where not datistemplate order by 1",
    );
    expect(names).toEqual([{ datname: "bystander" }, { datname: "postgres" }]);
    const roles = await stage.replica.query(
        "postgres",
        "select rolname from pg_roles where rolname !~ '^pg_' order by 1",
    );
    expect(roles).toEqual([{ rolname: "postgres" }]);
    for (const { folder } of Object.values(stage.machines)) {
        expect(existsSync(join(folder, "var", `understudy-${stage.stack}`))).toBe(false);
    }
    expect(readFileSync(join(stage.machines.target.folder, "authorized"), "utf8")).not.toBe("");
});
