import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { notePeak } from "../../bench/measure";
import { type MariaDb, startMariaDb } from "../../dev/mariadb";
import { installPackages } from "../../dev/packages";
import { aside, dump, frame, ids, type MysqlReplica, stampBefore, startMysqlReplica } from "./replica";

let former: MariaDb;
let replica: MysqlReplica;
const [first, second, third] = ids;
const rule = { from: "https://members.example.org", to: "https://members.staging.example.net/clone" };

beforeAll(async () => {
    await installPackages(["php-cli"]);
    [former, replica] = await Promise.all([startMariaDb(), startMysqlReplica()]);
});
afterAll(async () => {
    await Promise.all([former?.stop(), replica?.stop()]);
});

/** Whether PHP can read values. */
async function readByPhp(values: unknown[]): Promise<unknown[]> {
    const running = promisify(execFile)("php", [
        "-n",
        "-d",
        "display_errors=stderr",
        join(__dirname, "../postgres/serialised.php"),
    ]);
    const lines = values.map((value) => JSON.stringify({ value: Buffer.from(String(value)).toString("base64") }));
    running.child.stdin?.end(lines.map((line) => `${line}\n`).join(""));
    return (await running).stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
}

/** A generation out of a dump. */
async function copied(id: string, bytes: Buffer, rewrite = [rule]) {
    const stamp = stampBefore(1000 - ids.indexOf(id as typeof first));
    replica.store(stamp, bytes);
    const plan = replica.plan(id, first, (plan) => {
        plan.database.backup = stamp;
        plan.identity = {
            rewrite,
            databases: { shop: { columns: "all", except: [], empty: [], set: [], preserve: [] } },
        };
    });
    const { status, sentence } = await replica.run("prepare-database", plan);
    expect(sentence).toMatch(/is restored and proven/);
    expect(status).toBe(0);
}

describe("5.6 (1): texts of PHP have their length before them", () => {
    const values = [
        `s:${rule.from.length}:"${rule.from}";`,
        `a:1:{s:4:"home";s:${rule.from.length + 6}:"${rule.from}/start";}`,
        `a:1:{i:0;s:${rule.from.length + 20}:"Grüße von ${rule.from} ✓ …";}`,
    ].map((value) => value.replace(/s:\d+:"(Grüße[^"]*)"/, (_, text) => `s:${Buffer.byteLength(text)}:"${text}"`));
    const table = `CREATE TABLE \`config\` (\n  \`id\` int NOT NULL,\n  \`value\` longtext NOT NULL,\n  PRIMARY KEY (\`id\`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n`;
    const rows = values.map((value, id) => `(${id},'${value.replaceAll('"', '\\"')}')`).join(",");
    const bytes = frame(`${table}INSERT INTO \`config\` VALUES ${rows};`);

    test("the former way, a serialised form and then the plain one in the dump, leaves what PHP cannot read", async () => {
        // As the playbook does it: a length and a text without the quote between them, then the text wherever it is.
        const rewritten = gunzipSync(bytes)
            .toString()
            .replaceAll(`s:${rule.from.length}:${rule.from};`, `s:${rule.to.length}:${rule.to};`)
            .replaceAll(rule.from, rule.to);
        await former.query(undefined, "create database shop character set utf8mb4");
        await former.tool("mariadb", ["--default-character-set=utf8mb4", "shop"], rewritten);
        const found = await former.query("shop", "select value from config order by id");
        const read = await readByPhp(found.map(({ value }) => value));
        expect(read.filter((isRead) => isRead === true)).toEqual([]);
    });

    test("S4-02 ours leaves what PHP reads, and nothing of production's address", async () => {
        await copied(first, bytes);
        const found = await replica.server.query(aside(first), "select value from config order by id");
        expect(await readByPhp(found.map(({ value }) => value))).toEqual([true, true, true]);
        expect(JSON.stringify(found)).not.toContain(rule.from);
        expect(found[1]).toEqual({ value: `a:1:{s:4:"home";s:${rule.to.length + 6}:"${rule.to}/start";}` });
    });
});

describe("5.6 (7): the first line of newer dumps is a command to the client", () => {
    test("a client that does not know it refuses the whole dump; ours takes it for what it is", async () => {
        await former.query(
            undefined,
            "create database newer; use newer; create table t (a int); insert into newer.t values (1)",
        );
        const text = gunzipSync(await dump(former, [], "newer")).toString();
        expect(text.split("\n")[0]).toMatch(/^\/\*M!999999\\- enable the sandbox mode \*\//);
        // To a client from before that line, its command is as unknown as this one is to a client of today.
        const unknown = text.replace("999999\\-", "999999\\~");
        await expect(former.tool("mariadb", ["newer"], unknown)).rejects.toThrow("Unknown command '\\~'");
        await copied(second, gzipSync(text), []);
        expect(await replica.server.query(aside(second), "select a from t")).toEqual([{ a: 1 }]);
    });
});

describe("5.6 (9): views and long lists of tables", () => {
    test("the former way, dropping the tables that one query lists, stops at its limit and leaves views", async () => {
        const many = Array.from({ length: 700 }, (_, n) => `t_${String(n).padStart(58, "0")}`);
        await former.query(undefined, "create database old");
        await former.query(
            "old",
            `create table a (a int); create view v as select * from a; ${many.map((name) => `create table ${name} (a int) engine = MyISAM`).join(";")}`,
        );
        const [row] = await former.query(
            "old",
            "set group_concat_max_len = 32768; select group_concat(table_name) as list from information_schema.tables where table_schema = 'old' and table_type = 'BASE TABLE'",
        );
        await former.query("old", `drop table if exists ${row?.list}`);
        const left = (await former.query("old", "show tables")).flatMap((row) => Object.values(row));
        expect(left).toContain("v");
        // What ours leaves is told beside the switch: nothing.
        expect(left.length).toBeGreaterThan(100);
    });
});

test("S4-03 a dump of more than a gibibyte goes through in less than 256 MiB", async () => {
    const blob = "0123456789abcdef".repeat(65_536);
    const statements = Array.from({ length: 1100 }, (_, n) => `INSERT INTO \`big\` VALUES (${n},'${blob}');\n`);
    const sql = `CREATE TABLE \`big\` (\n  \`id\` int NOT NULL,\n  \`text\` longtext,\n  PRIMARY KEY (\`id\`)\n) ENGINE=MyISAM;\n`;
    const [head = "", tail = ""] = gunzipSync(frame(`${sql}<rows>`))
        .toString()
        .split("<rows>");
    // Pieces of gzip one after the other are a stream of gzip as well.
    const pieces = [head, ...statements, tail].map((text) => gzipSync(text, { level: 1 }));
    const stamp = stampBefore(100);
    writeFileSync(join(replica.folder, "store/hourly", `backup-${stamp}-shop.sql.gz`), Buffer.concat(pieces));
    const memory = { peak: 0 };
    const plan = replica.plan(third, first, ({ database }) => {
        database.backup = stamp;
        database.capacity = 2 ** 40;
    });
    const { status, sentence } = await replica.run("prepare-database", plan, {
        started: (child) => notePeak(child, memory),
    });
    expect(sentence).toMatch(/is restored and proven: .* 1,100 rows in 1 table/);
    expect(status).toBe(0);
    expect(memory.peak).toBeGreaterThan(10);
    expect(memory.peak).toBeLessThan(256);
});
