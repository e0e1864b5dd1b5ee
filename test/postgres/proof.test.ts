import { type ChildProcess, execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Plan } from "../../contract";
import type { DatabaseReport } from "../../contract/report";
import { sweep } from "../sweep";
import { sha256 } from "./copied";
import { type LossyWay, startLossyWay } from "./lossy-way";
import { manifestOf } from "./manifest";
import { type Publisher, startPublisher } from "./publisher";
import { aside, frame, ids, type Replica, stampBefore, startReplica } from "./replica";
import { binaries } from "./server";

let publisher: Publisher;
let replica: Replica;
let before: string;
let way: LossyWay | undefined;
let generations = 0;

beforeAll(async () => {
    [publisher, replica] = await Promise.all([startPublisher(), startReplica()]);
    await publisher.production.query("shop", oddities);
    before = await replica.server.content();
});
beforeEach(() => publisher.reset());
afterEach(() => way?.stop());
afterAll(() => Promise.all([publisher?.stop(), replica?.stop()]));

/** What reads otherwise under other settings or in another order, in a database that has such settings. */
const oddities = `
    create table odd (
        gone text, class regclass, type regtype, price money, double float8, single float4, span interval,
        at timestamptz, day date, bytes bytea, list text[], bits varbit, during tstzrange, words tsvector, sign "char"
    );
    insert into odd values
        ('x', 'customer', 'mood', 1234.5, 0.1, 1e-7, '1 year -2 days 03:04:05.6', '0044-03-15 12:00+00 BC', '2026-02-01',
         '\\x00ff0a5c', '{"a,b","\\"",null}', '101', '[2026-01-01,)', 'to be or not', 'x'),
        ('y', 'pg_class', 'integer', -1, 'NaN', '-Infinity', '-0.5', 'infinity', '-infinity', '', '{}', '', 'empty', '', '');
    alter table odd drop column gone;
    create table heir (b integer, a integer);
    alter table heir inherit parent;
    insert into heir values (1, 2);
    create table long (n integer, text text);
    insert into long select n, repeat('x', n * 7919 % 397) from generate_series(1, 20000) n;
    insert into long select n, string_agg(md5((n * m)::text), '') from generate_series(1, 5) n, generate_series(1, 3000) m group by n;
    update long set text = text || 'y' where n % 7 = 0;
    alter database shop set timezone to 'Asia/Tokyo';
    alter database shop set datestyle to 'German';
    alter database shop set intervalstyle to 'iso_8601';
    alter database shop set bytea_output to 'escape';
    alter database shop set extra_float_digits to -3;`;

/** Restores what was published, as another generation. */
async function restoring(
    change: (plan: Plan) => void = () => undefined,
    options: Parameters<Replica["run"]>[2] = {},
): Promise<{ id: string; status: number | null; sentence: string; log: string }> {
    const id = (0xf000000000 + generations++).toString(16);
    const plan = replica.plan(id, ids[0], (plan) => {
        plan.database.backups = publisher.store;
        plan.imageTag = "2026.10.1";
        plan.database.jobs = 3;
        change(plan);
    });
    return { id, ...(await replica.run("prepare-database", plan, options)) };
}

async function reportOf(id: string): Promise<DatabaseReport> {
    const query = `select report from understudy.generation where id = '${id}'`;
    return (await replica.server.query("postgres", query))[0]?.report as DatabaseReport;
}

async function expectNothing(running: ReturnType<typeof restoring>, reason: RegExp | string): Promise<void> {
    const { status, sentence, log } = await running;
    expect(sentence).toMatch(reason);
    expect(status, log).toBe(1);
    expect(await replica.server.content()).toBe(before);
}

/** Removes a generation, so that the server is as before. */
async function remove(id: string) {
    await replica.server.query("postgres", `drop database ${aside(id)}`);
    await replica.server.query("postgres", `drop role ${aside(id)}`);
    await replica.server.query("postgres", `delete from understudy.generation where id = '${id}'`);
    for (const role of ["shop", "reader", "auditor", `"Odd ""Role"" ünï"`]) {
        await replica.server.query("postgres", `drop role if exists ${role}`);
    }
    expect(await replica.server.content()).toBe(before);
}

describe("rows are read back, whatever their types, their order and the settings of production are", () => {
    sweep(["directory", "plain"] as const)("in format %s", async (format) => {
        const [stem = ""] = await publisher.published((plan) => {
            plan.format = format;
        });
        const named = publisher.manifest("hourly", stem).databases.shop?.tables;
        const { id, status, log } = await restoring();
        expect(status, log).toBe(0);
        const { tables, unknown } = await reportOf(id);
        expect(Object.keys(tables).length).toBeGreaterThan(15);
        expect(tables).toMatchObject(named ?? {});
        expect(unknown).toEqual([]);
        await remove(id);
    });
});

describe("between the agent and the server", () => {
    /** Restores over a way on which rows are changed. */
    async function overLossyWay(change: (row: string) => string | undefined) {
        way = await startLossyWay(replica.server.port, change);
        const { port } = way;
        return restoring((plan) => {
            plan.database.server.port = port;
        });
    }
    const lost = (row: string) => (row.includes("c77@example.org") ? undefined : row);
    const changed = (row: string) => row.replace("c77@example.org", "d77@example.org");

    test("nothing is changed: the way itself is a good one", async () => {
        await publisher.published();
        const { id, status, log } = await overLossyWay((row) => row);
        expect(status, log).toBe(0);
        await remove(id);
    });

    test("a row that gets lost is missed", async () => {
        await publisher.published();
        await expectNothing(
            overLossyWay(lost),
            "Table public.customer has 3,005 rows after the restore, but the dump held 3,006",
        );
    });

    test("a value that is changed is found", async () => {
        await publisher.published();
        await expectNothing(
            overLossyWay(changed),
            /Table public\.customer has 3,006 rows after the restore, as many as its manifest names, but not the same/,
        );
    });

    test("without a manifest a lost row is missed, and the report says what nobody can tell of a changed one", async () => {
        const [stem = ""] = await publisher.published();
        rmSync(join(publisher.store, "hourly", `${stem}.json`));
        await expectNothing(overLossyWay(lost), "has 3,005 rows after the restore, but the dump held 3,006");
        const { id, status, log } = await overLossyWay(changed);
        expect(status, log).toBe(0);
        const { proof, tables } = await reportOf(id);
        expect(proof).toContain("complete in itself: there is no manifest that names what the backup should hold");
        expect(tables["public.customer"]).toEqual({ rows: 3006, bytes: expect.any(Number) });
        await remove(id);
    });
});

describe("a proof that cannot run", () => {
    /** A psql that does this in place of reading rows back as superuser. */
    function psqlThat(does: string): NodeJS.ProcessEnv {
        const folder = join(replica.folder, "bin");
        mkdirSync(folder, { recursive: true });
        writeFileSync(
            join(folder, "psql"),
            `#!/bin/sh\ncase "$*" in *--username=postgres*) ${does};; esac\nexec ${binaries}/psql "$@"\n`,
        );
        chmodSync(join(folder, "psql"), 0o755);
        return { PATH: `${folder}:${binaries}:${process.env.PATH}` };
    }

    test("has failed: nothing is proven by a program that is not there", async () => {
        await publisher.published();
        await expectNothing(
            restoring(undefined, { env: psqlThat("exit 127") }),
            /The rows of .* could not be read back \(psql was ended with status 127\): the copy is not used\./,
        );
    });

    test("is told from one that takes long, which says how far it is", async () => {
        await publisher.published();
        const { id, status, log } = await restoring(undefined, { env: psqlThat("sleep 5") });
        expect(status, log).toBe(0);
        expect(log).toMatch(/\{"event":"progress","phase":"prove","percent":0,.*"unit":"byte"\}/);
        await remove(id);
    });

    test("has failed when it is stopped, and what it reads with has ended", async () => {
        await publisher.published();
        let agent: ChildProcess | undefined;
        const env = psqlThat(`touch ${replica.folder}/reading; exec sleep 1000`);
        const started = (child: ChildProcess) => {
            agent = child;
        };
        const running = restoring(undefined, { env, started });
        execFileSync("sh", ["-c", `timeout 60 sh -c 'until [ -e ${replica.folder}/reading ]; do sleep 0.1; done'`]);
        const reading = execFileSync("ps", ["--ppid", String(agent?.pid), "-o", "pid="])
            .toString()
            .trim()
            .split(/\s+/);
        agent?.kill("SIGTERM");
        await expectNothing(running, "was stopped");
        expect(reading.length).toBeGreaterThan(0);
        for (const pid of reading) {
            expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH");
        }
    });
});

test("rows that a dump hands to the partitions are counted, and what is not known of them is said", async () => {
    const stamp = stampBefore(60);
    const sql = `
CREATE TABLE public.event (n integer) PARTITION BY HASH (n);
CREATE TABLE public.event_0 (n integer);
CREATE TABLE public.event_1 (n integer);
ALTER TABLE ONLY public.event ATTACH PARTITION public.event_0 FOR VALUES WITH (modulus 2, remainder 0);
ALTER TABLE ONLY public.event ATTACH PARTITION public.event_1 FOR VALUES WITH (modulus 2, remainder 1);
COPY public.event (n) FROM stdin;
1
3
5
\\.
COPY public.event (n) FROM stdin;
2
4
\\.
`;
    const path = replica.store(stamp, frame(sql));
    const tables = { "public.event": { rows: 5, bytes: 10, sha256: sha256("1\n3\n5\n2\n4\n") } };
    const manifest = join(replica.folder, "store/hourly", `backup-${stamp}-shop.json`);
    writeFileSync(manifest, JSON.stringify(manifestOf({ path, stamp }, { tables })));
    const { id, status, log } = await restoring((plan) => {
        plan.database.backups = join(replica.folder, "store");
    });
    expect(status, log).toBe(0);
    expect(await reportOf(id)).toMatchObject({
        tables: { "public.event": { rows: 5, bytes: 10 } },
        unknown: [expect.stringMatching(/^the rows of public\.event but their number: /)],
    });
});
