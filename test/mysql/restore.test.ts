import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { databaseReport } from "../../contract/report";
import { type MariaDb, startMariaDb } from "../../dev/mariadb";
import { aside, dump, ids, type MysqlReplica, stampBefore, startMysqlReplica } from "./replica";

let production: MariaDb;
let replica: MysqlReplica;
const [first] = ids;

beforeAll(async () => {
    [production, replica] = await Promise.all([startMariaDb(), startMysqlReplica()]);
    await production.query(undefined, "create database shop character set utf8mb4");
    await production.tool("mariadb", ["shop"], readFileSync(join(__dirname, "fixture.sql")));
});
afterAll(async () => {
    await Promise.all([production?.stop(), replica?.stop()]);
});

test("x", async () => {
    replica.store(stampBefore(3600), await dump(production));
    const { status, sentence, log } = await replica.run("prepare-database", replica.plan(first, first));
    console.log(log);
    expect(sentence).toMatch(/is restored and proven/);
    expect(status).toBe(0);
});
