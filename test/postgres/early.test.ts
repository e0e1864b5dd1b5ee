import { createHash } from "node:crypto";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DatabaseFrame } from "../../agent/backup/frame";
import { EarlyReader } from "../../agent/postgres/early";
import { pour } from "../../agent/postgres/pour";
import { Tally } from "../../agent/postgres/tally";
import { sweep } from "../sweep";
import { startServer, type TestServer } from "./server";

let server: TestServer;
let client: Client;
let early: EarlyReader;
let tally: Tally;

const table = "public.log";
const rows = 100_000;
/** 9 MB in COPY's text format. */
const line = (n: number) => `${n}\t${"0123456789".repeat(8)}`;
const text = Array.from({ length: rows }, (_, n) => `${line(n + 1)}\n`).join("");
const sha256 = createHash("sha256").update(text).digest("hex");

const to = (database: string) => ({
    ...{ host: "127.0.0.1", port: server.port, user: "postgres", password: server.password },
    database,
    applicationName: "test",
});

beforeAll(async () => {
    server = await startServer();
    await server.query("postgres", "create role shop login password 'shop'");
});
afterAll(() => server?.stop());

beforeEach(async () => {
    await server.query("postgres", "drop database if exists shop with (force)");
    await server.query("postgres", "create database shop owner shop");
    await server.query("shop", "grant all on schema public to shop");
    await server.query("shop", "create table log (id integer, text text)", { user: "shop", password: "shop" });
    await server.query(
        "shop",
        `insert into log select n, repeat('0123456789', 8) from generate_series(1, ${rows}) n order by n`,
        { user: "shop", password: "shop" },
    );
    client = new Client(to("shop"));
    await client.connect();
    tally = new Tally();
    tally.statement(Buffer.from("COPY public.log (id, text) FROM stdin;"), ["copy"]);
    tally.copied(table, rows, text.length);
    early = reader({ [table]: { rows, bytes: text.length, sha256 } });
    return async () => {
        await early.kill();
        await client.end();
    };
});

function reader(named: ConstructorParameters<typeof EarlyReader>[1]) {
    return new EarlyReader({ client, target: to("shop"), encoding: "UTF8", major: 15 }, named);
}

test("a table that is right, and that nobody has written to since, need not be read again", async () => {
    expect(early.wants(table, tally)).toBe(true);
    early.filled(table, tally);
    await readingOnce();
    expect(await early.end()).toEqual({ [table]: { rows, bytes: tally.bytes.get(table), sha256 } });
});

sweep([
    ["a row of it is changed", "update log set text = 'other' where id = 7"],
    ["it is emptied", "truncate log"],
    ["it is written anew with other values", "alter table log alter text type text using 'other'"],
    ["a row of it is removed", "delete from log where id = 7"],
])("a table is read again if %s afterwards", async (_, sql) => {
    early.filled(table, tally);
    await readingOnce();
    await server.query("shop", sql, { user: "shop", password: "shop" });
    expect(await early.end()).toEqual({});
});

test("a table that is not right yet is left to the proof", async () => {
    await server.query("shop", "delete from log where id = 7", { user: "shop", password: "shop" });
    early.filled(table, tally);
    expect(await early.end()).toEqual({});
});

test("as long as somebody may still write, nothing is known for sure", async () => {
    const writer = new Client({ ...to("shop"), user: "shop", password: "shop" });
    await writer.connect();
    early.filled(table, tally);
    await readingOnce();
    expect(await early.end()).toEqual({});
    await writer.end();
});

test("what has no hash, is small, or stands on a server that counts writes by chance is left to the proof", () => {
    expect(reader(undefined).wants(table, tally)).toBe(false);
    expect(
        new EarlyReader(
            { client, target: to("shop"), encoding: "UTF8", major: 14 },
            { [table]: { rows, bytes: 1, sha256 } },
        ).wants(table, tally),
    ).toBe(false);
    tally.bytes.set(table, 1000);
    expect(early.wants(table, tally)).toBe(false);
});

test("a load tells of a table once its rows are there for others to see", async () => {
    const events: string[] = [];
    const sink = {
        statement: async (sql: Buffer) => void events.push(String(sql).split(" ")[0] ?? ""),
        rows: async () => void (events.at(-1) === "rows" || events.push("rows")),
        settle: async () => void events.push("settled"),
    };
    async function* sql() {
        yield Buffer.from(
            "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE public.log (id integer, text text);\nCOPY public.log (id, text) FROM stdin;\n",
        );
        yield Buffer.from(`${text}\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n`);
    }
    await pour(sql(), new DatabaseFrame(), sink, {
        cast: { owner: "shop", standIn: "shop", load: "shop", aliases: [] },
        ensureRole: async () => undefined,
        extensions: undefined as never,
        empty: new Set(),
        tally: new Tally(),
        early: { wants: (name) => name === table, filled: (name) => void events.push(`filled ${name}`) },
        skipped: new Set(),
        deferred: [],
    });
    expect(events).toEqual(["CREATE", "BEGIN;", "TRUNCATE", "COPY", "rows", "COMMIT;", "settled", `filled ${table}`]);
});

/** Waits until the table was read to its end: then its reader has been asked for a word, and has given it. */
async function readingOnce() {
    const reader = "select state, left(query, 6) as query from pg_stat_activity where application_name = 'test'";
    await expect
        .poll(() => server.query("postgres", reader), { timeout: 120_000 })
        .toEqual([{ state: "idle", query: "select" }]);
}
