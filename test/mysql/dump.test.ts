import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Connection } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { framesIn } from "../../agent/transfer/frames";
import type { MysqlSource, Word } from "../../contract/hosts";
import { type MysqlManifest, mysqlManifestSchema } from "../../contract/manifest";
import { databaseReport } from "../../contract/report";
import { type MariaDb, startMariaDb } from "../../dev/mariadb";
import { aside, ids, type MysqlReplica, startMysqlReplica } from "./replica";

let production: MariaDb;
let silent: MariaDb;
let replica: MysqlReplica;
const [first] = ids;
const fixture = readFileSync(join(__dirname, "fixture.sql"));
/** What is not written as it is stored, unless a dump takes care. */
const delicate = `create table rounded (id int primary key, f float);
    insert into rounded values (1, 1 / 3);
    create table delicate (id int primary key, d double, t timestamp(6) null, b bit(9), j json);
    insert into delicate values (1, 1 / 3, '2026-03-29 01:30:00.123456', b'101010101', '{"a": [1, "é"]}'),
        (2, 1e300, null, null, null), (3, -0.0, '1970-01-02 00:00:00', b'0', '[]')`;

beforeAll(async () => {
    [production, silent, replica] = await Promise.all([
        startMariaDb({ log_bin: "binlog", binlog_format: "ROW" }),
        startMariaDb(),
        startMysqlReplica(),
    ]);
    for (const server of [production, silent]) {
        await server.query(undefined, "create database shop character set utf8mb4");
        await server.tool("mariadb", ["shop"], fixture);
        await server.query("shop", delicate);
    }
});
afterAll(async () => {
    await Promise.all([production?.stop(), silent?.stop(), replica?.stop()]);
});

/** Has production's agent send a dump, puts it into the replica's store, and returns its manifest. */
async function sent(server: MariaDb, change: (plan: MysqlSource) => void = () => undefined) {
    rmSync(join(replica.folder, "store/hourly"), { recursive: true, force: true });
    const plan: MysqlSource = {
        ...{ engine: "mysql", databases: ["shop"], backup: "now", maximumAge: 3600, replica: false },
        server: { host: "127.0.0.1", port: server.port, user: "root", passwordFile: "password" },
    };
    change(plan);
    const child = spawn(process.execPath, [join(replica.folder, "agent.cjs"), "send-backup"]);
    child.stdin.write(`${JSON.stringify({ plan, secrets: { password: server.password } })}\n`);
    let log = "";
    child.stderr.on("data", (text) => {
        log += text;
    });
    const words: Word[] = [];
    let file = "";
    for await (const frame of framesIn(child.stdout)) {
        if (Buffer.isBuffer(frame)) {
            writeFileSync(file, frame, { flag: "a" });
        } else {
            words.push(frame);
            if (frame.word === "file") {
                file = join(replica.folder, "store", frame.name);
                mkdirSync(dirname(file), { recursive: true });
            }
        }
    }
    child.stdin.end();
    const manifest: MysqlManifest = mysqlManifestSchema.parse(JSON.parse(readFileSync(file, "utf8")));
    return { manifest, log, last: words.at(-1) };
}

/** Restores what was sent, and returns the report. */
async function restored() {
    await replica.server.query(
        undefined,
        `drop database if exists ${aside(first)}; drop user if exists understudy_${first}; delete from understudy.generation`,
    );
    const { status, sentence, log } = await replica.run("prepare-database", replica.plan(first, first));
    expect(status, `${sentence}\n${log}`).toBe(0);
    const [row] = await replica.server.query(undefined, "select report from understudy.generation");
    return databaseReport.parse(JSON.parse(String(row?.report)));
}

const counts = { vendor: 3, item: 5000, old: 2, empty_one: 0, delicate: 3, rounded: 1 };

/** Those of which no state is known: a transaction holds none of MyISAM, and a dump rounds FLOAT. */
const unsure = ["old", "rounded"];

describe("a dump that is made for a copy", () => {
    test("has a manifest with the rows and checksums of the very state that it holds, which the copy is held against", async () => {
        const { manifest, log, last } = await sent(production);
        expect(last).toMatchObject({ word: "done", identifier: manifest.server.id });
        expect(manifest).toMatchObject({
            engine: "mysql",
            subject: "shop",
            server: { version: expect.stringMatching(/MariaDB/) },
        });
        for (const [table, rows] of Object.entries(counts)) {
            expect(manifest.tables[table]?.rows, table).toBe(rows);
            const [sum] = await production.query("shop", `checksum table ${table}`);
            const expected = unsure.includes(table) ? undefined : String(sum?.Checksum);
            expect(manifest.tables[table]?.checksum, table).toBe(expected);
        }
        const { proof, unknown, tables } = await restored();
        expect(proof).toContain("6 of 8 tables have the checksum that the manifest names");
        expect(proof).toContain("1 file with the SHA-256 that the manifest names");
        expect(tables.delicate?.checksum).toBe(manifest.tables.delicate?.checksum);
        expect(unknown).toEqual([expect.stringContaining("2 tables are as production has them (old, rounded)")]);
        expect(log).not.toContain(production.password);
    });

    test("is compared with no state of another moment: production that is written to has none to compare with", async () => {
        let writing = true;
        const writer = (async () => {
            const connection: Connection = await production.connect("shop");
            for (let n = 0; writing; n++) {
                await connection.query("update vendor set name = ? where id = 7", [`vendor ${n}`]);
            }
            await connection.end();
        })();
        const { manifest } = await sent(production).finally(() => {
            writing = false;
        });
        await writer;
        expect(manifest.tables.item).toEqual({ rows: counts.item });
        const { proof, unknown } = await restored();
        expect(proof.join()).not.toContain("the checksum that the manifest");
        expect(unknown).toEqual([expect.stringMatching(/the manifest has no checksum, as production was written to/)]);
    });

    test("of a server without a binary log has rows alone", async () => {
        const { manifest } = await sent(silent);
        expect(Object.values(manifest.tables).every(({ checksum }) => checksum === undefined)).toBe(true);
        expect(manifest.tables.item).toEqual({ rows: counts.item });
        expect((await restored()).unknown).toEqual([expect.stringMatching(/keeps no binary log/)]);
    });

    test("of a replica does not say whose server it is: that may be the target's as well", async () => {
        const { manifest, last } = await sent(production, (plan) => {
            plan.replica = true;
        });
        expect(manifest.server.id).toBe("");
        expect(last).not.toHaveProperty("identifier");
    });
});
