import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { MysqlManifest } from "../../contract/manifest";
import { databaseReport } from "../../contract/report";
import { type MariaDb, startMariaDb } from "../../dev/mariadb";
import { sweep } from "../sweep";
import { aside, dump, ids, type MysqlReplica, stampBefore, startMysqlReplica } from "./replica";

let production: MariaDb;
let replica: MysqlReplica;
let bytes: Buffer;
let manifest: MysqlManifest;
const [first] = ids;
const stamp = stampBefore(600);
const file = `backup-${stamp}-shop.sql.gz`;

beforeAll(async () => {
    [production, replica] = await Promise.all([startMariaDb(), startMysqlReplica()]);
    await production.query(undefined, "create database shop character set utf8mb4");
    await production.tool("mariadb", ["shop"], readFileSync(join(__dirname, "fixture.sql")));
    bytes = await dump(production);
    replica.store(stamp, bytes);
    const [server] = await production.query(undefined, "select version() as version");
    manifest = {
        ...{ version: 1, engine: "mysql", backup: file, stamp, subject: "shop" },
        ...{ begun: stamp, ended: stamp, client: "10.19" },
        server: { version: String(server?.version), id: "production's" },
        imageTag: "1.0",
        format: "plain",
        files: { [file]: { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") } },
        databaseBytes: 10_000_000,
        tables: {},
    };
    for (const table of ["vendor", "item", "old", "parts", "empty_one", "log"]) {
        const [count] = await production.query("shop", `select count(*) as n from ${table}`);
        const [sum] = await production.query("shop", `checksum table ${table}`);
        manifest.tables[table] = { rows: Number(count?.n), checksum: String(sum?.Checksum) };
    }
});
afterAll(async () => {
    await Promise.all([production?.stop(), replica?.stop()]);
});
beforeEach(async () => {
    await replica.server.query(
        undefined,
        `drop database if exists ${aside(first)}; drop user if exists understudy_${first}; delete from understudy.generation`,
    );
});

async function prepared(change: (manifest: MysqlManifest) => void = () => undefined) {
    const changed = structuredClone(manifest);
    change(changed);
    writeFileSync(join(replica.folder, "store/hourly", `backup-${stamp}-shop.json`), JSON.stringify(changed));
    return replica.run("prepare-database", replica.plan(first, first));
}

test("every table has the checksum that the manifest names, and the report says so", async () => {
    const { status, sentence } = await prepared();
    expect(sentence).toMatch(/is restored and proven/);
    expect(sentence).not.toContain("Not known");
    expect(status).toBe(0);
    const [row] = await replica.server.query(undefined, "select report from understudy.generation");
    const { tables, proof, unknown } = databaseReport.parse(JSON.parse(String(row?.report)));
    expect(tables.item).toMatchObject({ rows: 5000, checksum: manifest.tables.item?.checksum });
    expect(proof).toContain("every table has the checksum that the manifest names");
    expect(unknown).toEqual([]);
});

sweep<[string, (manifest: MysqlManifest) => void, number, RegExp]>([
    [
        "rows that are others",
        ({ tables }) => Object.assign(tables.item as object, { checksum: "1" }),
        1,
        /Table item has the checksum \d+ after the load, and the manifest names 1: the copy is not used/,
    ],
    [
        "another number of rows",
        ({ tables }) => Object.assign(tables.item as object, { rows: 7 }),
        1,
        /The dump holds 5,000 rows of table item, and its manifest names 7 rows/,
    ],
    [
        "a table that is not in the dump",
        ({ tables }) => Object.assign(tables, { more: { rows: 0, checksum: "0" } }),
        1,
        /The dump holds no table more, and its manifest names 0 rows/,
    ],
    [
        "another file",
        ({ files }) => Object.assign(files[file] as object, { sha256: "0".repeat(64) }),
        1,
        /is not what production wrote: its SHA-256 is/,
    ],
    [
        "another size",
        ({ files }) => Object.assign(files[file] as object, { bytes: 5 }),
        3,
        /does not fit its backup: .*sql\.gz has .*, and it should have 5 bytes/,
    ],
    [
        "another tag",
        (manifest) => Object.assign(manifest, { imageTag: "2.0" }),
        3,
        /Data is refreshed under tag 1.0, but production ran 2.0/,
    ],
])("a manifest that names %s", async (_, change, expected, reason) => {
    const { status, sentence } = await prepared(change);
    expect(sentence).toMatch(reason);
    expect(status).toBe(expected);
    expect(await replica.server.query(undefined, "show databases like 'shop%'")).toEqual([]);
});

test("the server that a manifest was made on is never the target", async () => {
    const [row] = await replica.server.query(undefined, "select @@server_uid as id");
    const { status, sentence } = await prepared(({ server }) => Object.assign(server, { id: row?.id }));
    expect(sentence).toMatch(/is production's own \(server id .*, on which backup-.* was made\)/);
    expect(status).toBe(3);
});

test("checksums of another version are not compared, and the report says so", async () => {
    const { status, sentence } = await prepared(({ server }) => Object.assign(server, { version: "8.0.36" }));
    expect(sentence).toContain(
        "Not known: the checksums of tables: production's server is 8.0.36, and the replica's is 10.11.",
    );
    expect(status).toBe(0);
});
