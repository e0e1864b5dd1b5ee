import { chmodSync, existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { markerSql } from "../../contract";
import { type HostStage, openHostStage } from "./stage";

let stage: HostStage;
let dumps: string;
beforeAll(async () => {
    stage = await openHostStage("backups");
    dumps = join(stage.machines.production.folder, "dumps");
    mkdirSync(dumps);
});
afterAll(() => stage?.stop());

const rows = async (database = "shop") =>
    (await stage.replica.query(database, "select count(*)::int as rows from item"))[0]?.rows;
const updated = async (changes: Record<string, unknown>) => {
    const { status, output } = await stage.run("up", { services: [], "target.page": undefined, ...changes });
    expect(status, output).toBe(0);
    return output;
};
/** A service on the application's machine that does not run. */
const idle = [{ host: "application", name: "nothing", commands: { running: "false", stop: "true", start: "true" } }];
const dump = async (...args: string[]) => stage.production.tool("pg_dump", args);

test("the newest dump that is there, by its exact name (S3-06; the old way takes any that ends alike)", async () => {
    await stage.production.query("postgres", "create database workshop");
    writeFileSync(join(dumps, "shop-2026-11-20.sql.gz"), gzipSync(await dump("shop")));
    await stage.production.query("shop", "insert into item (name) values ('later')");
    writeFileSync(join(dumps, "shop-2026-11-21.dump"), await dump("--format=custom", "shop"));
    utimesSync(join(dumps, "shop-2026-11-20.sql.gz"), Date.now() / 1000 - 7200, Date.now() / 1000 - 7200);
    writeFileSync(join(dumps, "workshop-2026-11-22.dump"), await dump("--format=custom", "workshop"));
    const files = { "source.database.files": join(dumps, "{database}-{stamp}.dump"), "database.backup": "latest" };
    await updated(files);
    expect(await rows()).toBe(501);
});

test("a dump by the time in its name", async () => {
    const files = join(dumps, "{database}-{stamp}.sql");
    await updated({ "source.database.files": files, "database.backup": "2026-11-20" });
    expect(await rows()).toBe(500);
});

test("a dump that is too old, and one that is not there, are refused", async () => {
    const files = { services: [], "source.database.files": join(dumps, "{database}-{stamp}.sql") };
    const old = await stage.run("up", {
        ...files,
        "database.backup": "2026-11-20",
        "database.refresh": "2",
        "database.maximumAge": "1h",
    });
    expect(old.output).toMatch(/shop-2026-11-20\.sql\.gz is 2 h( \S+ \S+)? old, and database\.maximumAge is 1 h/);
    const absent = await stage.run("up", { ...files, "database.backup": "2026-11-19" });
    expect(absent.output).toMatch(/There is no dump 2026-11-19 of shop at .*; the newest are 2026-11-20/);
    expect([old.status, absent.status]).not.toContain(0);
    expect(await rows()).toBe(500);
});

test("a command of production's own is given the names, and its file is used (S3-07)", async () => {
    const script = join(dumps, "backup.sh");
    const file = join(dumps, "made");
    writeFileSync(
        script,
        `#!/bin/sh\necho "$@" > ${dumps}/called\nfor name; do PGPASSWORD='${stage.production.password}' pg_dump -h 127.0.0.1 -p ${stage.production.port} -U postgres $name > ${file}.$name.sql; echo ${file}.$name.sql; done\n`,
    );
    chmodSync(script, 0o700);
    await updated({ "source.database.command": script, "database.refresh": "3" });
    expect(readFileSync(join(dumps, "called"), "utf8")).toBe("shop\n");
    expect(await rows()).toBe(501);
});

test("several databases under other names (S3-10), of which one fails: the report says which (S1-10), and none is live", async () => {
    await stage.production.query("postgres", "create database stock owner shop");
    await stage.production.query(
        "stock",
        "set role shop; create table item (id int); insert into item values (1), (2)",
    );
    const database = {
        name: "shop",
        owner: "shop",
        others: [{ name: "stage_stock", owner: "shop_stock", production: { name: "stock", owner: "shop" } }],
    };
    const missing = { ...database, others: [{ ...database.others[0], production: { name: "gone", owner: "shop" } }] };
    const { status, output } = await stage.run("up", { services: [], "target.page": undefined, database: missing });
    expect(output).toMatch(
        /Database gone on 127\.0\.0\.1:\d+ cannot be asked \(database "gone" does not exist\)|Database gone .*does not exist/,
    );
    expect(status).not.toBe(0);
    expect(await rows()).toBe(501);
    await updated({ database });
    expect(await rows("stage_stock")).toBe(2);
});

test("rows that are left out at the dump leave an empty table (S1-15), and a hook gives others (S3-11)", async () => {
    await stage.production.query(
        "shop",
        "set role shop; create table session (secret text); insert into session values ('production-session')",
    );
    await updated({
        "source.database.excludeTableData": ["session"],
        "hooks.beforeSwitch": [{ sql: "insert into session values (current_setting('understudy.token'))" }],
        "hooks.variables.token": "staging-session",
    });
    expect(await stage.replica.query("shop", "select secret from session")).toEqual([{ secret: "staging-session" }]);
});

test("through a bastion, behind a container's prefix (S4-10), and with this machine's Node brought along", async () => {
    const { folder } = stage.machines.application;
    const { production, target } = stage.machines;
    const through = {
        "hosts.production.ssh.jump": "target",
        "hosts.target.bringNode": true,
        "hosts.target.node": "no-such-node",
        "hosts.application": { command: ["env", "-i", `PATH=${process.env.PATH}`], folder: join(folder, "prefix") },
        services: idle,
        "target.page": undefined,
        "database.refresh": "4",
    };
    const { status, output } = await stage.run("up", through);
    expect(output).toContain("No service ran");
    expect(status, output).toBe(0);
    expect(existsSync(join(target.folder, "var/understudy-backups/node"))).toBe(true);
    // Whoever refuses to forward is in the way: it really leads through there.
    await target.kill();
    writeFileSync(
        join(target.folder, "sshd_config"),
        `${readFileSync(join(target.folder, "sshd_config"), "utf8")}AllowTcpForwarding no\n`,
    );
    await target.start();
    const closed = await stage.run("up", { ...through, "database.refresh": "5" });
    expect(closed.output).toMatch(/Host production cannot be reached/);
    await target.kill();
    writeFileSync(
        join(target.folder, "sshd_config"),
        readFileSync(join(target.folder, "sshd_config"), "utf8").replace(/AllowTcpForwarding no\n/, ""),
    );
    await target.start();
    expect(production.port).not.toBe(target.port);
});

test("versions that differ where that is allowed: reported (S3-05), with a machine that is this one (S4-10)", async () => {
    const application = { local: true, folder: join(stage.machines.application.folder, "local") };
    const parity = { source: { tag: "1.2" }, target: { tag: "1.1" }, allowMismatch: "the migration is tried" };
    const output = await updated({
        parity,
        "hosts.application": application,
        services: idle,
        "database.refresh": "6",
    });
    expect(output).toContain("Host application has the agent");
    expect(output).toContain("The source runs 1.2, and the target 1.1");
    expect(output).toContain("Allowed: the migration is tried");
});

test("a replica as the source of another (S3-02): from stage to dev, on the same server", async () => {
    await stage.replica.query("postgres", markerSql("understudy/dev"));
    const output = await stage.chained("dev", {
        source: { stack: "backups" },
        "database.name": "dev",
        "database.owner": "dev",
        "database.production": { name: "shop", owner: "shop" },
        "target.login.user": "dev_app",
        services: [],
        "target.page": undefined,
    });
    expect(output.output).toContain("is live");
    expect(output.status).toBe(0);
    expect(await rows("dev")).toBe(await rows("shop"));
    // Running the one leaves the other's alone (S3-01).
    expect(await rows("shop")).toBe(501);
    const same = await stage.chained("dev", { source: { stack: "backups" }, services: [], "target.page": undefined });
    expect(same.output).toContain('database.name is "shop", which is the database of stack backups on the same server');
});
