import { type ChildProcess, execFileSync } from "node:child_process";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sweep } from "../sweep";
import { aside, dump, frame, ids, type Replica, stampBefore, startProduction, startReplica } from "./replica";
import type { TestServer } from "./server";

let production: TestServer;
let replica: Replica;
let backup: Buffer;
let before: string;

beforeAll(async () => {
    [production, replica] = await Promise.all([startProduction(), startReplica()]);
    backup = await dump(production);
    replica.store(stampBefore(4000), backup);
    await replica.run("prepare-database", replica.plan(ids[0], ids[0]));
    await replica.run("prepare-media", replica.plan(ids[0], ids[0]));
    expect(await replica.run("switch", replica.plan(ids[0], ids[0]))).toMatchObject({ status: 0 });
    before = await replica.server.content();
});
afterAll(async () => {
    await production?.stop();
    await replica?.stop();
});

/** Restores these bytes as another generation. */
function restoring(bytes: Buffer, started?: (child: ChildProcess) => void) {
    const stamp = stampBefore(300);
    replica.store(stamp, bytes);
    const plan = replica.plan(ids[1], ids[0], ({ database }) => {
        database.backup = stamp;
    });
    return replica.run("prepare-database", plan, started === undefined ? {} : { started });
}

/** The run failed with a reason, and nothing on the server tells that it ever ran. */
async function expectFailure(bytes: Buffer, reason: RegExp) {
    const ending = await restoring(bytes);
    expect(ending.sentence).toMatch(reason);
    expect(ending.status).not.toBe(0);
    expect(await replica.server.content()).toBe(before);
    return ending;
}

test("a backup that is cut anywhere is never restored", async () => {
    await fc.assert(
        fc.asyncProperty(fc.integer({ min: 20, max: backup.length - 1 }), async (length) => {
            await expectFailure(
                backup.subarray(0, length),
                /truncated|does not say which version|is not a dump of PostgreSQL/,
            );
        }),
        { numRuns: 5, examples: [[backup.length - 1], [backup.length - 8], [2000]] },
    );
});

test("a backup with a flipped bit is never restored", async () => {
    await fc.assert(
        fc.asyncProperty(fc.integer({ min: 3000, max: backup.length - 9 }), async (at) => {
            const bytes = Buffer.from(backup);
            bytes[at] = (bytes[at] ?? 0) ^ 0x10;
            // What the bit makes of the text may stop the run before the checksum does.
            await expectFailure(bytes, /is damaged|PostgreSQL says|truncated|ends|holds|goes on/);
        }),
        { numRuns: 5 },
    );
    const last = Buffer.from(backup);
    last[backup.length - 6] = (last[backup.length - 6] ?? 0) ^ 1;
    await expectFailure(last, /is damaged \(incorrect data check\)/);
});

sweep([
    [
        "text appended to the file",
        () => Buffer.concat([backup, Buffer.from("appended")]),
        /is damaged \(incorrect header/,
    ],
    [
        "zeros appended to the file",
        () => Buffer.concat([backup, Buffer.alloc(512)]),
        /goes on after the end of the gzip/,
    ],
    ["a second dump behind the first", () => Buffer.concat([backup, backup]), /goes on after its end/],
])("%s", async (_, bytes, reason) => {
    await expectFailure(bytes(), reason);
});

test("a dump without its closing line", async () => {
    const text = gunzipSync(frame("CREATE TABLE x (a integer);")).toString();
    await expectFailure(gzipSync(text.slice(0, text.lastIndexOf("--\n-- PostgreSQL"))), /the dump was broken off/);
    await expectFailure(gzipSync(text.slice(0, text.indexOf("(a int"))), /ends in the middle of a statement/);
});

test("an SQL error half-way: its reason, but nobody's data", async () => {
    const secret = "ada@example.org";
    const { sentence, log } = await expectFailure(
        frame(`CREATE TABLE x (a integer);\nCOPY x (a) FROM stdin;\n1\n${secret}\n\\.\n`),
        /invalid input syntax for type integer: "…"/,
    );
    expect(sentence + log).not.toContain(secret);
    const duplicate = frame(
        `CREATE TABLE x (a text);\nCOPY x (a) FROM stdin;\n${secret}\n${secret}\n\\.\nALTER TABLE x ADD PRIMARY KEY (a);`,
    );
    const ending = await expectFailure(duplicate, /could not create unique index/);
    expect(ending.sentence + ending.log).not.toContain(secret);
});

test("rows that a rule swallows are missed", async () => {
    await expectFailure(
        frame(
            "CREATE TABLE x (a integer);\n" +
                "CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS $$ begin return null; end $$;\n" +
                "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW WHEN (new.a = 2) EXECUTE FUNCTION drop_it();\n" +
                "COPY public.x (a) FROM stdin;\n1\n2\n3\n\\.\n",
        ),
        /Table public\.x has 2 rows after the restore, but the dump held 3/,
    );
});

test("a sequence and a large object that are not as the dump made them are missed", async () => {
    await expectFailure(
        frame("CREATE SEQUENCE s;\nSELECT pg_catalog.setval('public.s', 5, true);\nSELECT nextval('public.s');"),
        /sequence public\.s does not stand/,
    );
    await expectFailure(
        frame(
            "SELECT pg_catalog.lo_create('4711');\nSELECT pg_catalog.lo_open('4711', 131072);\nSELECT pg_catalog.lo_unlink(4711);",
        ),
        /0 large objects after the restore, but the dump held 1/,
    );
});

/** A dump whose load takes long enough to be met in the middle. */
const slow = () => frame("CREATE TABLE x (a integer);\nSELECT pg_sleep(20);");

/** Waits until the load of the generation is under way. */
async function loading() {
    for (;;) {
        const rows = await replica.server.query(
            "postgres",
            `select from pg_stat_activity where datname = '${aside(ids[1])}' and wait_event = 'PgSleep'`,
        );
        if (rows.length > 0) {
            return;
        }
    }
}

test("psql that is killed half-way", async () => {
    let agent: ChildProcess | undefined;
    const running = restoring(slow(), (child) => {
        agent = child;
    });
    await loading();
    const [psql] = execFileSync("ps", ["--ppid", String(agent?.pid), "-o", "pid="])
        .toString()
        .trim()
        .split(/\s+/);
    process.kill(Number(psql), "SIGKILL");
    expect(await running).toMatchObject({ status: 1, sentence: expect.stringContaining("ended by SIGKILL") });
    expect(await replica.server.content()).toBe(before);
});

test("a run that is stopped removes what it was making", async () => {
    let agent: ChildProcess | undefined;
    const running = restoring(slow(), (child) => {
        agent = child;
    });
    await loading();
    agent?.kill("SIGTERM");
    expect(await running).toMatchObject({ status: 1, sentence: expect.stringContaining("was stopped") });
    expect(await replica.server.content()).toBe(before);
});

test("a run that is killed leaves the live copy alone, and the next one begins anew", async () => {
    let agent: ChildProcess | undefined;
    const running = restoring(slow(), (child) => {
        agent = child;
    });
    await loading();
    agent?.kill("SIGKILL");
    expect(await running).toMatchObject({ status: null, sentence: "" });
    expect(await replica.server.query("shop", "select count(*)::int as n from customer")).toEqual([{ n: 3006 }]);
    // In two gzip members, as parallel compressors write them: that is whole.
    const text = gunzipSync(backup);
    const members = [text.subarray(0, 50_000), text.subarray(50_000)].map((part) => gzipSync(part));
    const { status, log } = await restoring(Buffer.concat(members));
    expect(status, log).toBe(0);
    expect(await replica.server.query(aside(ids[1]), "select count(*)::int as n from customer")).toEqual([{ n: 3006 }]);
});

test("a restore that fails with keepFailed leaves its database, out of use, and the next run removes it", async () => {
    const stamp = stampBefore(300);
    const plan = replica.plan(ids[2], ids[0], (plan) => {
        plan.database.backup = stamp;
        plan.keepFailed = true;
    });
    replica.store(stamp, frame("CREATE TABLE evidence (a integer);\nSELECT 1 / 0;"));
    expect(await replica.run("prepare-database", plan)).toMatchObject({
        status: 1,
        sentence: expect.stringMatching(
            `division by zero.*Generation ${ids[2]} of database shop is kept as it is until the next run`,
        ),
    });
    const state = `select state from understudy.generation where id = '${ids[2]}'`;
    expect(await replica.server.query("postgres", state)).toEqual([{ state: "preparing" }]);
    expect(await replica.server.query(aside(ids[2]), "select count(*)::int as n from public.evidence")).toEqual([
        { n: 0 },
    ]);
    const next = replica.plan(ids[3], ids[0], ({ database }) => {
        database.backup = stamp;
    });
    expect(await replica.run("prepare-database", next)).toMatchObject({ status: 1 });
    expect(await replica.server.query("postgres", state)).toEqual([]);
});
