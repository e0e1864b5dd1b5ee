import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { DatabaseReport } from "../../contract/report";
import { type Publisher, startPublisher } from "./publisher";
import { ids, type Replica, startReplica } from "./replica";

let publisher: Publisher;
let replica: Replica;

beforeAll(async () => {
    [publisher, replica] = await Promise.all([startPublisher(), startReplica()]);
    await publisher.production.query("postgres", "create database audit");
    await publisher.production.query("audit", `create table "a b" (n integer); insert into "a b" values (7)`);
});
beforeEach(() => publisher.reset());
afterAll(async () => {
    await publisher?.stop();
    await replica?.stop();
});

const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");

/** Restores what was published last, as another generation, and tells what the restore has found in it. */
async function restored(id: string, dump: "database" | "server"): Promise<DatabaseReport> {
    const plan = replica.plan(id, id, (plan) => {
        plan.database.backups = publisher.store;
        plan.database.dump = dump;
        // What the publisher's workload runs.
        plan.imageTag = "2026.10.1";
    });
    const { status, log } = await replica.run("prepare-database", plan);
    expect(status, log).toBe(0);
    const [row] = await replica.server.query("postgres", `select report from understudy.generation where id = '${id}'`);
    return row?.report as DatabaseReport;
}

function only(names: string[]): string {
    expect(names).toHaveLength(1);
    return (names[0] as string).replace(/\.json$/, "");
}

test("a plain backup is restored as today's are, and its manifest says what the restore finds", async () => {
    const plan = publisher.plan();
    Object.assign(plan, { format: "plain", excludeTableData: ["audit.entry"] });
    const { status, log } = await publisher.run("publish", plan);
    expect(status, log).toBe(0);
    const stem = only(publisher.names("hourly").filter((name) => name.endsWith(".json")));
    const { files, format, databases } = publisher.manifest("hourly", stem);
    const bytes = readFileSync(join(publisher.store, "hourly", `${stem}.sql.gz`));
    expect(format).toBe("plain");
    expect(files).toEqual({ [`${stem}.sql.gz`]: { bytes: bytes.length, sha256: sha256(bytes) } });
    expect(gunzipSync(bytes).toString()).toContain("DROP TABLE IF EXISTS public.orders;");

    const report = await restored(ids[0], "database");
    expect(report).toMatchObject({ backup: `${stem}.sql.gz`, sha256: sha256(bytes) });
    expect(report.tables).toEqual(databases.shop?.tables);
    expect(report.tables).not.toHaveProperty("audit.entry");
    expect(Object.keys(databases.shop?.sequences ?? {})).toHaveLength(report.sequences);
});

test("a whole server's is one file, and its manifest tells its databases apart", async () => {
    const plan = publisher.plan();
    Object.assign(plan, { dump: "server", format: "plain", databases: [] });
    plan.migrations.audit = 'select max(n) from "a b"';
    const { status, log } = await publisher.run("publish", plan);
    expect(status, log).toBe(0);
    const stem = only(publisher.names("hourly").filter((name) => name.endsWith(".json")));
    expect(stem).toMatch(/^backup-.*Z-dumpall$/);
    const { databases, subject, dump } = publisher.manifest("hourly", stem);
    expect({ subject, dump, names: Object.keys(databases).sort() }).toEqual({
        subject: "dumpall",
        dump: "server",
        names: ["audit", "postgres", "shop", "template1"],
    });
    expect(databases.audit).toMatchObject({
        migrations: "7",
        tables: { 'public."a b"': { rows: 1, bytes: 2, sha256: sha256("7\n") } },
    });
    expect(databases.postgres?.tables).toEqual({});

    const report = await restored(ids[1], "server");
    expect(report.backup).toBe(`${stem}.sql.gz`);
    expect(report.tables).toEqual(databases.shop?.tables);
});

test("a damaged plain backup is found by its hash", async () => {
    const plan = publisher.plan();
    plan.format = "plain";
    expect((await publisher.run("publish", plan)).status).toBe(0);
    const stem = only(publisher.names("hourly").filter((name) => name.endsWith(".json")));
    const path = join(publisher.store, "hourly", `${stem}.sql.gz`);
    writeFileSync(
        path,
        readFileSync(path).map((byte, at) => (at === 1000 ? byte ^ 4 : byte)),
    );
    const { status, sentence } = await publisher.run("verify-store");
    expect(status).toBe(1);
    expect(sentence).toContain(`hourly/${stem}.sql.gz differs`);
});
