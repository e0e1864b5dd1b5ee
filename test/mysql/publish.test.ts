import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { found, sentDumps } from "../../agent/transfer/files";
import type { MysqlSource } from "../../contract/hosts";
import {
    catalogueEntry,
    catalogueFile,
    entriesIn,
    type MysqlManifest,
    mysqlManifestSchema,
} from "../../contract/manifest";
import type { MysqlPlan } from "../../contract/mysql";
import type { Publication, PublisherCommand } from "../../contract/publication";
import { databaseReport } from "../../contract/report";
import { type MariaDb, startMariaDb } from "../../dev/mariadb";
import { type ApiRequest, type ClusterApi, startClusterApi } from "../cluster-api";
import { publicationIn } from "../postgres/publisher";
import { agentIn, type RunAgent } from "../postgres/replica";
import { sweep } from "../sweep";
import { aside, ids, type MysqlReplica, startMysqlReplica } from "./replica";

let production: MariaDb;
let replica: MysqlReplica;
let cluster: ClusterApi;
let run: RunAgent<PublisherCommand, Publication>;
let folder: string;
let store: string;
const requests: ApiRequest[] = [];
const [first] = ids;

beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "understudy-publisher-"));
    store = join(folder, "store");
    // Checksums of one state are known where the server keeps a binary log.
    [production, replica] = await Promise.all([
        startMariaDb({ log_bin: "binlog", binlog_format: "ROW" }),
        startMysqlReplica(),
    ]);
    await production.query(undefined, "create database shop character set utf8mb4; create database audit");
    await production.tool("mariadb", ["shop"], readFileSync(join(__dirname, "fixture.sql")));
    await production.query("audit", "create table event (n int primary key); insert into event values (1), (2)");
    writeFileSync(join(folder, "password"), production.password);
    writeFileSync(join(folder, "wrong"), "not it");
    cluster = await startClusterApi(join(folder, "account"), requests);
    run = agentIn(folder, readFileSync(join(replica.folder, "agent.cjs"), "utf8"));
});
beforeEach(() => {
    rmSync(store, { recursive: true, force: true });
    mkdirSync(store);
    requests.length = 0;
});
afterAll(async () => {
    cluster?.close();
    await Promise.all([production?.stop(), replica?.stop()]);
    rmSync(folder, { recursive: true, force: true });
});

function plan(change: (plan: Publication) => void = () => undefined): Publication {
    const made: Publication = {
        ...publicationIn(folder, store, production.port),
        ...{ engine: "mysql", format: "plain" },
        databases: ["shop", "audit"],
        server: { host: "127.0.0.1", port: production.port, user: "root", passwordFile: join(folder, "password") },
    };
    change(made);
    return made;
}

/** Publishes, which has to end well, and tells the manifests by their databases. */
async function published(change?: (plan: Publication) => void): Promise<Record<string, MysqlManifest>> {
    const { status, log } = await run("publish", plan(change), { env: cluster.env });
    expect(status, log).toBe(0);
    expect(log).not.toContain(production.password);
    const manifests = names("hourly")
        .filter((name) => name.endsWith(".json"))
        .map((name) => mysqlManifestSchema.parse(JSON.parse(readFileSync(join(store, "hourly", name), "utf8"))));
    return Object.fromEntries(manifests.map((manifest) => [manifest.subject, manifest]));
}

const names = (tier: string) => readdirSync(join(store, tier)).sort();

/** Restores from a folder with a store, and tells the report. */
async function restored(backups: string, change: (plan: MysqlPlan) => void = () => undefined) {
    await replica.server.query(
        undefined,
        `drop database if exists ${aside(first)}; drop user if exists understudy_${first}; delete from understudy.generation`,
    );
    const asked = replica.plan(first, first, (plan) => {
        Object.assign(plan, { imageTag: "2026.10.1" });
        Object.assign(plan.database, { backups });
        change(plan);
    });
    const { status, sentence, log } = await replica.run("prepare-database", asked);
    expect(status, `${sentence}\n${log}`).toBe(0);
    const [row] = await replica.server.query(undefined, "select report from understudy.generation");
    return databaseReport.parse(JSON.parse(String(row?.report)));
}

test("every database gets a dump and a true manifest under one stamp, and a line of the catalogue", async () => {
    const { shop, audit } = await published();
    expect(audit).toMatchObject({ stamp: shop?.stamp, tables: { event: { rows: 2 } }, imageTag: "2026.10.1" });
    const [sum] = await production.query("shop", "checksum table item");
    expect(shop?.tables.item).toEqual({ rows: 5000, checksum: String(sum?.Checksum) });
    expect(names("hourly")).toEqual(
        ["audit", "shop"].flatMap((name) => [
            `backup-${shop?.stamp}-${name}.json`,
            `backup-${shop?.stamp}-${name}.sql.gz`,
        ]),
    );
    const text = readFileSync(join(store, catalogueFile), "utf8");
    expect(entriesIn(catalogueFile, text, catalogueEntry)).toEqual([
        expect.objectContaining({ subject: "audit", rows: 2, systemIdentifier: shop?.server.id }),
        expect.objectContaining({ subject: "shop", format: "plain", server: shop?.server.version }),
    ]);
    expect(JSON.parse(requests.at(-1)?.body ?? "").data).toEqual({ [catalogueFile]: text, "contents.jsonl": "" });
});

test("a replica is made of the store, and its report says that every file and checksum fits", async () => {
    await published();
    const { proof } = await restored(store);
    expect(proof).toContain("1 file with the SHA-256 that the manifest names");
    expect(proof.join()).toMatch(/have the checksum that the manifest names/);
});

test("whoever sends dumps to another host sends the manifests along, under their own stamp", async () => {
    const { shop } = await published();
    const files = join(store, "hourly/backup-{stamp}-{database}.sql");
    const source: MysqlSource = {
        ...{ engine: "mysql", databases: ["shop"], backup: "latest", maximumAge: 3600, replica: false },
        ...{ files, server: plan().server },
    };
    const sent = await sentDumps(await found(source));
    expect(sent.stamp).toBe(shop?.stamp);
    const arrived = join(folder, "arrived");
    mkdirSync(join(arrived, "hourly"), { recursive: true });
    for await (const { name, bytes } of sent.files) {
        for await (const piece of bytes) {
            writeFileSync(join(arrived, name), piece, { flag: "a" });
        }
    }
    // On hosts nobody knows a tag.
    const { proof } = await restored(arrived, (plan) => Object.assign(plan, { imageTag: "" }));
    expect(proof).toContain("1 file with the SHA-256 that the manifest names");
});

test("tiers take over and let go, and verify-store names and marks what has rotted", async () => {
    const keep = { hourly: 1, daily: 2, weekly: 0, monthly: 0 };
    const before = await published(({ keep: own }) => Object.assign(own, keep));
    const old = before.shop?.stamp ?? "";
    expect(names("daily")).toHaveLength(4);
    const later = await published(({ keep: own }) => Object.assign(own, keep));
    expect(Object.values(later).map(({ stamp }) => stamp)).not.toContain(old);
    expect(names("daily").filter((name) => name.includes(old))).toHaveLength(4);
    expect(await run("verify-store", plan())).toMatchObject({ status: 0 });
    const rotten = join(store, "daily", `backup-${old}-shop.sql.gz`);
    const bytes = readFileSync(rotten);
    bytes.writeUInt8(bytes.readUInt8(5000) ^ 1, 5000);
    writeFileSync(rotten, bytes);
    const { status, sentence } = await run("verify-store", plan());
    expect(sentence).toContain(`daily/backup-${old}-shop.sql.gz differs`);
    expect(status).toBe(1);
    expect(names("daily")).toContain(`.rotten-backup-${old}-shop`);
});

sweep<[string, (plan: Publication) => void, number, RegExp]>([
    [
        "the password is wrong",
        ({ server }) => Object.assign(server, { passwordFile: join(folder, "wrong") }),
        3,
        /does not take the password of user root/,
    ],
    [
        "the second database is not there",
        (plan) => Object.assign(plan, { databases: ["shop", "absent"] }),
        1,
        /(mariadb-dump|mysqldump) says: .*absent/,
    ],
    ["the store is not there", (plan) => Object.assign(plan, { store: join(folder, "nowhere") }), 3, /is not there/],
])("nothing of a run appears when %s", async (_, change, expected, reason) => {
    const { status, sentence, log } = await run("publish", plan(change), { env: cluster.env });
    expect(sentence).toMatch(reason);
    expect(status).toBe(expected);
    expect(log).not.toContain(production.password);
    expect(readdirSync(store, { recursive: true }).filter((name) => name !== "hourly")).toEqual([]);
});

test("a run that was killed leaves nothing that the next one does not remove, and its backups stay readable", async () => {
    const { shop } = await published();
    const partial = join(store, "hourly", ".partial-backup-2026-11-20T02:04:01Z-shop.sql.gz");
    cpSync(join(store, "hourly", shop?.backup ?? ""), partial);
    await published();
    expect(names("hourly").filter((name) => name.startsWith(".partial"))).toEqual([]);
    expect(names("hourly")).toContain(shop?.backup);
});
