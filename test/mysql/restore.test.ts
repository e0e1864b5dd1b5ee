import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { databaseReport } from "../../contract/report";
import { type MariaDb, startMariaDb } from "../../dev/mariadb";
import { sweep } from "../sweep";
import { bzip2, xz, zstd } from "./packed";
import { aside, dump, frame, ids, type MysqlReplica, stampBefore, startMysqlReplica } from "./replica";

let production: MariaDb;
let replica: MysqlReplica;
const [first, second] = ids;

beforeAll(async () => {
    [production, replica] = await Promise.all([startMariaDb(), startMysqlReplica()]);
    await production.query(undefined, "create database shop character set utf8mb4");
    await production.tool("mariadb", ["shop"], readFileSync(join(__dirname, "fixture.sql")));
});
beforeEach(() => forget(second));
afterAll(async () => {
    await Promise.all([production?.stop(), replica?.stop()]);
});

/** What a database holds, as its own dump tells it: without whose its code is, and whether its events are due. */
async function contentOf(server: MariaDb, database: string): Promise<string> {
    const options = ["--routines", "--triggers", "--events", "--hex-blob", "--skip-comments", "--skip-dump-date"];
    const text = (await server.tool("mariadb-dump", [...options, database])).toString();
    return text.replaceAll(/DEFINER=\S+?(?=\*| )/g, "DEFINER").replaceAll(/PRESERVE (ENABLE|DISABLE)/g, "PRESERVE");
}

/** The first lines of which a copy and production have others; long ones are cut. */
async function differences(database: string): Promise<unknown[]> {
    const [copy, original] = await Promise.all([contentOf(replica.server, database), contentOf(production, "shop")]);
    const lines = original.split("\n");
    const other = copy.split("\n").map((line, at) => ({ at, line, wanted: lines[at] }));
    return other
        .filter(({ line, wanted }) => line !== wanted)
        .slice(0, 3)
        .map((one) => JSON.stringify(one).slice(0, 900));
}

async function reportOf(id: string) {
    const [row] = await replica.server.query(undefined, `select report from understudy.generation where id = '${id}'`);
    return databaseReport.parse(JSON.parse(String(row?.report)));
}

/** Removes a generation. */
async function forget(id: string): Promise<void> {
    const { query } = replica.server;
    await query(
        undefined,
        `drop database if exists ${aside(id)}; drop user if exists 'understudy_${id}'; delete from understudy.generation where id = '${id}'`,
    );
}

test("S4-04 a dump of a newer client comes over as it is: text of four bytes, views, triggers, routines, keys", async () => {
    const bytes = await dump(production);
    expect(gunzipSync(bytes).toString()).toContain("enable the sandbox mode");
    replica.store(stampBefore(3600), bytes);
    const { status, sentence } = await replica.run("prepare-database", replica.plan(first, first));
    expect(sentence).toMatch(
        /is restored and proven: .* 5,007 rows in 6 tables, in .* Not known: whether the rows are as/,
    );
    expect(status).toBe(0);
    expect(await differences(aside(first))).toEqual([]);
});

test("what is restored belongs to nobody who can reach beyond it, and its events sleep", async () => {
    const events = await replica.server.query(aside(first), "select status from information_schema.events");
    expect(events).toEqual([{ status: "DISABLED" }]);
    const definers = await replica.server.query(
        undefined,
        `select definer from information_schema.triggers union select definer from information_schema.views
          where table_schema = '${aside(first)}' union select definer from information_schema.routines
          where routine_schema = '${aside(first)}'`,
    );
    expect(definers).toEqual([{ definer: `understudy_${first}@%` }]);
    const password = { user: `understudy_${first}`, password: "" };
    await expect(replica.server.query(undefined, "select 1", password)).rejects.toThrow(/denied|locked/);
    expect(
        await replica.server.query("mysql", "select user as user, db as db from db where user like 'understudy%'"),
    ).toEqual([{ user: `understudy_${first}`, db: aside(first).replaceAll("_", "\\_") }]);
});

test("the report tells what was loaded and what proves it", async () => {
    expect(await reportOf(first)).toMatchObject({
        tables: { item: { rows: 4990 + 10 }, parts: { rows: 2 }, empty_one: { rows: 0 } },
        sequences: 1,
        proof: [
            'the dump has its closing line ("-- Dump completed")',
            "the gzip stream is whole: its length and checksum fit",
            "every table has the rows of the dump",
            "no row of 2 foreign keys refers to none",
            "1 function, 1 procedure, 2 views, 1 trigger, 1 event made, and every view can be used",
        ],
    });
});

test("doing it again changes nothing", async () => {
    const before = await replica.server.content();
    const { status, sentence } = await replica.run("prepare-database", replica.plan(first, first));
    expect(sentence).toMatch(/is already there \(proven\): nothing to do/);
    expect(status).toBe(0);
    expect(await replica.server.content()).toBe(before);
});

describe("read alike", () => {
    sweep<[string, string, string[], (bytes: Buffer) => Promise<Buffer> | Buffer]>([
        ["plain", "sql", [], (bytes) => bytes],
        ["packed with xz", "sql.xz", [], xz],
        ["packed with zstd", "sql.zst", [], zstd],
        ["packed with bzip2", "sql.bz2", [], bzip2],
        [
            "with names of columns, a row a statement",
            "sql",
            ["--complete-insert", "--skip-extended-insert"],
            (bytes) => bytes,
        ],
        ["with CREATE DATABASE and USE", "sql", ["--databases"], (bytes) => bytes],
        ["with REPLACE, and hexadecimal bytes", "sql", ["--replace", "--hex-blob"], (bytes) => bytes],
        ["of an older client", "sql", ["--skip-quote-names", "--default-character-set=utf8mb4"], (bytes) => bytes],
        ["with line ends of its own in every statement", "sql", ["--skip-opt", "--create-options"], (bytes) => bytes],
    ])("a dump %s", async (_, ending, options, pack) => {
        const stamp = stampBefore(1800);
        const plain = gunzipSync(await dump(production, options));
        const path = replica.store(stamp, await pack(plain), ending);
        const plan = replica.plan(second, first, ({ database }) => {
            database.backup = stamp;
        });
        const { status, sentence } = await replica.run("prepare-database", plan);
        expect(sentence).toMatch(/is restored and proven/);
        expect(status).toBe(0);
        expect(await differences(aside(second))).toEqual([]);
        await production.shell(`rm '${path}'`);
    });
});

/** A dump fails, and nothing of it stays. */
async function failure(bytes: Buffer, ending = "sql.gz", expected = 1): Promise<string> {
    const before = await replica.server.content();
    const stamp = stampBefore(600);
    const path = replica.store(stamp, bytes, ending);
    const plan = replica.plan(second, first, ({ database }) => {
        database.backup = stamp;
    });
    const { status, sentence, log } = await replica.run("prepare-database", plan);
    expect(status, log).toBe(expected);
    expect(await replica.server.content()).toBe(before);
    expect(log).not.toContain(replica.server.password);
    await production.shell(`rm '${path}'`);
    return sentence;
}

describe("not let into a copy", () => {
    sweep<[string, string, RegExp]>([
        ["a grant", "GRANT ALL ON *.* TO root@'%';", /holds the statement GRANT ALL, which is not let into a copy/],
        ["an account", "CREATE USER x;", /holds the statement CREATE USER/],
        ["another database", "CREATE TABLE `mysql`.`t` (a int);", /names another database \(`mysql`.`t`\)/],
        ["rows for another one", "INSERT INTO mysql.user VALUES (1);", /names another database \(mysql.user\)/],
        ["another one's name", "USE `other`;", /is about database other as well: dump shop alone/],
        ["a setting of the server", "SET GLOBAL general_log = 1;", /sets general_log for the whole server/],
        [
            "the same in a comment",
            "/*!50000 SET @@GLOBAL.event_scheduler = 1 */;",
            /sets event_scheduler for the whole server/,
        ],
        ["a file that is written", "SELECT 1 INTO OUTFILE '/tmp/x';", /holds the statement SELECT/],
        ["a file that is read", "LOAD DATA INFILE '/etc/passwd' INTO TABLE t;", /holds the statement LOAD DATA/],
        ["a plugin", "INSTALL PLUGIN x SONAME 'x.so';", /holds the statement INSTALL PLUGIN/],
        ["a command to the client's shell", "\\! touch /tmp/x", /holds the client command \\!/],
        ["the same by its name", "system touch /tmp/x;", /holds the statement SYSTEM TOUCH/],
        ["the same in a statement", "CREATE TABLE t (a int) \\! touch /tmp/x\n;", /holds the client command \\!/],
        ["a table on another server", "CREATE TABLE t (a int) ENGINE=FEDERATED CONNECTION='x';", /of engine FEDERATED/],
        [
            "a default out of a sequence",
            "CREATE TABLE t (a int DEFAULT nextval(`shop`.`s`));",
            /has table t with a default out of a sequence/,
        ],
        ["rows without a table", "INSERT INTO `t` VALUES (1);", /has rows of table t, which it does not make/],
        [
            "a query's rows",
            "CREATE TABLE t (a int);\nINSERT INTO t SELECT 1;",
            /holds an INSERT that is none of mysqldump's/,
        ],
    ])("%s", async (_, sql, reason) => {
        expect(await failure(frame(sql))).toMatch(reason);
    });

    test("what the account of a load may not do, where no word of the dump says it", async () => {
        const sql = "CREATE TABLE t (a text);\nINSERT INTO t VALUES (load_file('/etc/passwd'));";
        const { status, sentence } = await restored(frame(sql));
        expect(sentence).toMatch(/proven/);
        expect(status).toBe(0);
        expect(await replica.server.query(aside(second), "select a from t")).toEqual([{ a: null }]);
        await forget(second);
        const view = "CREATE VIEW v AS SELECT * FROM mysql.global_priv;";
        expect(await failure(frame(view))).toMatch(/cannot be loaded. The server says: .* denied to user/);
    });

    async function restored(bytes: Buffer) {
        const stamp = stampBefore(600);
        replica.store(stamp, bytes);
        const plan = replica.plan(second, first, ({ database }) => {
            database.backup = stamp;
        });
        return replica.run("prepare-database", plan);
    }
});

describe("incomplete", () => {
    const rows = "CREATE TABLE `t` (`a` int);\nINSERT INTO `t` VALUES (1),(2);";

    test("a dump that is cut is told, wherever that is", async () => {
        const whole = gunzipSync(frame(rows));
        const plain = (end: number) => whole.subarray(0, end);
        expect(await failure(plain(whole.length - 50), "sql")).toMatch(
            /does not end with "-- Dump completed"|in the middle/,
        );
        expect(await failure(plain(whole.indexOf("(2)")), "sql")).toMatch(
            /ends in the middle of a statement: it is truncated/,
        );
        expect(await failure(frame(rows).subarray(0, -20))).toMatch(/ends in the middle: the gzip stream is truncated/);
    });

    test("a dump to which something was appended", async () => {
        const more = Buffer.concat([gunzipSync(frame(rows)), Buffer.from("INSERT INTO `t` VALUES (3);\n")]);
        expect(await failure(more, "sql")).toMatch(/goes on after its closing line/);
    });

    test("a row that refers to none", async () => {
        const sql =
            "CREATE TABLE `p` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB;\n" +
            "CREATE TABLE `c` (\n  `id` int NOT NULL,\n  `p` int,\n  PRIMARY KEY (`id`),\n  KEY `p` (`p`),\n" +
            "  CONSTRAINT `of_p` FOREIGN KEY (`p`) REFERENCES `p` (`id`)\n) ENGINE=InnoDB;\nINSERT INTO `c` VALUES (1,1);";
        expect(await failure(frame(sql))).toMatch(/1 row of table c refer by of_p to rows of p that are not there/);
    });

    test("rows that the server does not take, without telling them", async () => {
        const sql =
            "CREATE TABLE `t` (\n  `a` varchar(9) NOT NULL,\n  PRIMARY KEY (`a`)\n) ENGINE=MyISAM;\nINSERT INTO `t` VALUES ('s3cr3t'),('s3cr3t');";
        const sentence = await failure(frame(sql));
        expect(sentence).toMatch(/cannot be loaded. The server says: Duplicate entry '…' for key/);
        expect(sentence).not.toContain("s3cr3t");
    });
});

describe("refused, before anything is made", () => {
    sweep<[string, Buffer, RegExp]>([
        [
            "a dump of PostgreSQL",
            Buffer.from("--\n-- PostgreSQL database dump\n--\n"),
            /is a dump of PostgreSQL, and this replica's database is MySQL or MariaDB: correct database.engine/,
        ],
        ["an archive of PostgreSQL", Buffer.from("PGDMP\x01\x0e"), /is a dump of PostgreSQL/],
        ["something else", Buffer.from("hello"), /is not a dump of MySQL or MariaDB: its first lines do not say/],
        ["an empty file", Buffer.alloc(0), /is empty/],
    ])("%s", async (_, bytes, reason) => {
        expect(await failure(bytes, "sql", 3)).toMatch(reason);
    });
});
