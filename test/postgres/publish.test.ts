import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { contentsEntry } from "../../contract/contents";
import { entriesIn } from "../../contract/manifest";
import { copied, sha256 } from "./copied";
import { type Publisher, startPublisher } from "./publisher";

let publisher: Publisher;

beforeAll(async () => {
    publisher = await startPublisher();
    const { production } = publisher;
    // What the server would write in its own time zone.
    await production.query("shop", "alter database shop set timezone to 'Asia/Tokyo'");
    await production.query(
        "shop",
        `create table moment (at timestamptz); insert into moment values ('2026-11-20 02:04:01+00'), (null);
         create table django_migrations (id serial, name text);
         insert into django_migrations (name) values ('0001_initial'), ('0002_more');`,
    );
});
beforeEach(() => publisher.reset());
afterAll(() => publisher?.stop());

describe("a manifest", () => {
    test("is true: rows, bytes, hashes and sequences of every table are those that psql finds", async () => {
        const [stem = ""] = await publisher.published();
        const { shop } = publisher.manifest("hourly", stem).databases;
        const there = await publisher.production.query(
            "shop",
            `select format('%I.%I', nspname, relname) as name from pg_class c join pg_namespace n on n.oid = relnamespace
              where relkind = 'r' and nspname in ('public', 'audit', 'Weird schema; --')`,
        );
        expect(Object.keys(shop?.tables ?? {}).sort()).toEqual(there.map(({ name }) => name).sort());
        for (const [table, { rows, bytes, sha256: hash }] of Object.entries(shop?.tables ?? {})) {
            const text = await copied(publisher.production, "shop", table);
            expect([table, rows]).toEqual([table, text.toString("latin1").split("\n").length - 1]);
            expect([table, bytes, hash]).toEqual([table, text.length, sha256(text)]);
        }
        expect(shop?.tables["public.moment"]?.sha256).toBe(sha256("2026-11-20 02:04:01+00\n\\N\n"));
        expect(shop?.tables["public.empty_table"]).toEqual({ rows: 0, bytes: 0, sha256: sha256("") });
        expect(shop?.sequences["public.counter"]).toEqual({ value: "10", called: true });
        expect(shop?.sequences[`public."Odd 'sequence"""`]).toEqual({ value: "-5", called: false });
    });

    test("is of the moment of the dump, whatever is written meanwhile", async () => {
        const { production, store } = publisher;
        await production.query("shop", "create table busy (n serial)");
        let going = true;
        const writing = (async () => {
            while (going) {
                await production.query("shop", "insert into busy default values");
            }
        })();
        const [stem = ""] = await publisher.published();
        going = false;
        await writing;
        await production.query("postgres", "create database copy");
        await production.tool("pg_restore", ["--dbname=copy", "--table=busy", join(store, "hourly", stem)]);
        const text = await copied(publisher.production, "copy", "public.busy");
        expect(publisher.manifest("hourly", stem).databases.shop?.tables["public.busy"]?.sha256).toBe(sha256(text));
        expect(text.length).toBeLessThan((await copied(publisher.production, "shop", "public.busy")).length);
        await production.query("postgres", "drop database copy");
        await production.query("shop", "drop table busy");
    });

    test("says of files, server, application and extensions what there was", async () => {
        const [stem = ""] = await publisher.published(({ migrations }) => {
            migrations.shop = "select name from django_migrations order by id desc limit 1";
        });
        const { files, databases, server, imageTag, ...manifest } = publisher.manifest("hourly", stem);
        const folder = join(publisher.store, "hourly", stem);
        expect(Object.keys(files).sort()).toEqual(readdirSync(folder).sort());
        for (const [file, { bytes, sha256: hash }] of Object.entries(files)) {
            const content = readFileSync(join(folder, file));
            expect([file, bytes, hash]).toEqual([file, content.length, sha256(content)]);
        }
        const [identity] = await publisher.production.query(
            "shop",
            `select system_identifier::text as id, current_setting('server_version') as version,
                    pg_database_size('shop')::integer as bytes from pg_control_system()`,
        );
        expect(server.systemIdentifier).toBe(identity?.id);
        expect(identity?.version).toMatch(new RegExp(`^${server.version} `));
        expect(imageTag).toBe("2026.10.1");
        expect(databases.shop).toMatchObject({ encoding: "UTF8", collation: "C.UTF-8", migrations: "0002_more" });
        expect(databases.shop?.extensions).toMatchObject({ hstore: "1.8", plpgsql: "1.0" });
        expect((databases.shop?.bytes ?? 0) / Number(identity?.bytes)).toBeCloseTo(1, 1);
        expect(manifest).toMatchObject({ backup: stem, subject: "shop", dump: "database", format: "directory" });
        expect(stem).toBe(`backup-${manifest.stamp}-shop`);
        expect(Date.parse(manifest.ended)).toBeGreaterThan(Date.parse(manifest.begun));
    });

    test("holds nothing of tables whose rows are left out, and neither does the dump", async () => {
        const [stem = ""] = await publisher.published(({ excludeTableData }) => {
            excludeTableData.push("public.customer", "audit.*");
        });
        const tables = Object.keys(publisher.manifest("hourly", stem).databases.shop?.tables ?? {});
        expect(tables).toContain("public.orders");
        expect(tables.filter((name) => /customer|audit/.test(name))).toEqual([]);
        const folder = join(publisher.store, "hourly", stem);
        const schema = (await publisher.production.tool("pg_restore", ["--file=-", folder])).toString();
        expect(schema).toContain("CREATE TABLE public.customer");
        expect(schema).not.toContain("COPY public.customer");
    });
});

describe("a run", () => {
    test("gives all its databases one stamp, and lists them in the store and in the cluster", async () => {
        await publisher.production.query("postgres", "create database audit");
        const stems = await publisher.published(({ databases }) => databases.push("audit"));
        const stamps = stems.map((stem) => publisher.manifest("hourly", stem).stamp);
        expect(stems.map((stem) => stem.slice(-6))).toEqual(["-audit", "Z-shop"]);
        expect(new Set(stamps).size).toBe(1);
        const text = (stem: string) => readFileSync(join(publisher.store, "hourly", `${stem}.json`));
        expect(publisher.lines()).toEqual(
            stems.map((stem) =>
                expect.objectContaining({ tier: "hourly", backup: stem, manifest: sha256(text(stem)) }),
            ),
        );
        expect(publisher.requests).toMatchObject([
            { method: "GET", path: "/apis/apps/v1/namespaces/production/statefulsets/stack", token: "Bearer a token" },
            { method: "PATCH", path: "/api/v1/namespaces/production/configmaps/understudy-catalogue" },
        ]);
        const { data } = JSON.parse(publisher.requests[1]?.body ?? "");
        expect(data["catalogue.jsonl"]).toBe(readFileSync(join(publisher.store, "catalogue.jsonl"), "utf8"));
        const contents = entriesIn("contents.jsonl", data["contents.jsonl"], contentsEntry);
        const { tables, extensions } = publisher.manifest("hourly", stems[1] ?? "").databases.shop ?? {};
        expect(contents.find(({ database }) => database === "shop")).toMatchObject({
            stamp: stamps[1],
            tables,
            extensions,
        });
        expect(contents.map(({ database }) => database).sort()).toEqual(["audit", "shop"]);
        await publisher.production.query("postgres", "drop database audit");
    });

    test("that fails at one database leaves nothing of the others, and no trace", async () => {
        const { status, sentence } = await publisher.run(
            "publish",
            publisher.plan(({ databases, migrations }) => {
                databases.push("shop2");
                migrations.shop = "select 1";
            }),
        );
        expect(status).toBe(1);
        expect(sentence).toMatch(/^Failed: Database shop2 on 127\.0\.0\.1:\d+ cannot be asked: .*does not exist/);
        expect(readdirSync(publisher.store)).toEqual([]);
    });

    test("that is killed leaves nothing under a backup's name, and the next one removes what it left", async () => {
        await whileLocked(async (waiting) => {
            const ending = publisher.run("publish", publisher.plan(), {
                started: (child) => void waiting().then(() => child.kill("SIGKILL")),
            });
            expect((await ending).status).toBeNull();
        });
        expect(publisher.names("hourly")).toEqual([expect.stringMatching(/^\.partial-backup-.*-shop$/)]);
        const [stem] = await publisher.published();
        expect(publisher.names("hourly")).toEqual([stem, `${stem}.json`]);
    });

    test("that was killed just before its manifest appeared is finished by the next one", async () => {
        const [stem = ""] = await publisher.published();
        const path = (name: string) => join(publisher.store, "hourly", name);
        const text = readFileSync(path(`${stem}.json`), "utf8");
        renameSync(path(`${stem}.json`), path(`.partial-${stem}.json`));
        const lost = stem.replace(/\d{4}/, "2020");
        writeFileSync(path(`.partial-${lost}.json`), text.replaceAll(stem, lost));
        await sleep(1000);
        const stems = await publisher.published();
        expect(stems).toEqual([stem, expect.any(String)]);
        expect(readFileSync(path(`${stem}.json`), "utf8")).toBe(text);
        expect(publisher.lines()).toHaveLength(2);
        expect(publisher.names("hourly")).toEqual(stems.flatMap((one) => [one, `${one}.json`]));
    });

    test("that is stopped removes what it was making", async () => {
        await whileLocked(async (waiting) => {
            const { status, sentence } = await publisher.run("publish", publisher.plan(), {
                started: (child) => void waiting().then(() => child.kill("SIGTERM")),
            });
            expect(status).toBe(1);
            expect(sentence).toContain("The run was stopped (SIGTERM)");
        });
        expect(publisher.names("hourly")).toEqual([]);
    });

    test("with a query that fails, or gives no single value, names its key and makes nothing", async () => {
        for (const [query, reason] of [
            ["select nonsense", 'fails \\(column "nonsense" does not exist\\)'],
            ["select 1 where false", "has to give one value"],
            ["select generate_series(1, 2)", "has to give one value"],
            ["delete from moment returning 1", "fails \\(cannot execute DELETE in a read-only transaction\\)"],
        ]) {
            const plan = publisher.plan(({ migrations }) => {
                migrations.shop = query ?? "";
            });
            const { status, sentence } = await publisher.run("publish", plan);
            expect(status).toBe(1);
            expect(sentence).toMatch(new RegExp(`the query database\\.migrations\\.shop ${reason}`));
        }
        expect(readdirSync(publisher.store)).toEqual([]);
    });

    test("whose catalogue the cluster does not take says so, and that the backup is complete", async () => {
        const plan = publisher.plan(({ cluster }) => {
            cluster.workload = undefined;
        });
        const { status, sentence } = await publisher.run("publish", plan, { env: { KUBERNETES_SERVICE_PORT: "9" } });
        expect(status).toBe(1);
        expect(sentence).toMatch(/^Failed: 1 backup \(backup-.*-shop\) complete, but: The cluster did not take PATCH/);
        expect(publisher.lines()).toHaveLength(1);
        expect(readFileSync(join(publisher.store, "catalogue.jsonl"), "utf8")).not.toContain("imageTag");
    });

    test("reads what its role may read, with whatever password it has, and a collation's version where there is one", async () => {
        const { production, store } = publisher;
        const password = "a:b\\c'd";
        await production.query("postgres", `create role backup login in role pg_read_all_data password 'a:b\\c''d'`);
        await production.query(
            "postgres",
            "create database sorted template template0 locale_provider icu icu_locale 'en' locale 'C.UTF-8'",
        );
        await production.query("sorted", "create table entry (n serial); insert into entry values (1)");
        writeFileSync(join(store, "password"), `${password}\n`);
        const [stem = ""] = await publisher.published((plan) => {
            Object.assign(plan.server, { user: "backup", passwordFile: join(store, "password") });
            plan.databases = ["sorted"];
        });
        const { sorted } = publisher.manifest("hourly", stem).databases;
        expect(sorted?.tables["public.entry"]?.rows).toBe(1);
        const [row] = await production.query(
            "sorted",
            "select datcollversion as version from pg_database where datname = 'sorted'",
        );
        expect(sorted?.collationVersion).toBe(row?.version);
        expect(row?.version).toMatch(/^\d/);
        await production.query("postgres", "drop database sorted");
        await production.query("postgres", "drop role backup");
    });

    test.each(["14.20", "18.4"])(
        "with pg_dump %s for a server of version 15 is refused, and both are named",
        async (version) => {
            const tools = join(publisher.store, "tools");
            mkdirSync(tools);
            writeFileSync(join(tools, "pg_dump"), `#!/bin/sh\necho "pg_dump (PostgreSQL) ${version}"\n`, {
                mode: 0o755,
            });
            const env = { PATH: `${tools}:${process.env.PATH}` };
            const { status, sentence } = await publisher.run("publish", publisher.plan(), { env });
            expect(status).toBe(3);
            expect(sentence).toMatch(`pg_dump is ${version}, and the server 15.`);
            expect(sentence).toContain("set database.image to the official image");
        },
    );

    test("with a wrong password says who refused it, and not the password", async () => {
        const file = join(publisher.store, "wrong");
        writeFileSync(file, "not: the \\password");
        const { status, log } = await publisher.run(
            "publish",
            publisher.plan(({ server }) => {
                server.passwordFile = file;
            }),
        );
        expect(status).toBe(1);
        expect(log).toMatch(/password authentication failed for user "postgres"/);
        expect(log).not.toContain("not: the");
    });
});

/** Lets dumps wait for a table; `waiting` resolves when one does. All of them are ended afterwards. */
async function whileLocked(work: (waiting: () => Promise<void>) => Promise<void>): Promise<void> {
    const { port, password, query } = publisher.production;
    const client = new Client({ host: "127.0.0.1", port, user: "postgres", password, database: "shop" });
    client.on("error", () => undefined);
    await client.connect();
    await client.query("begin; lock table customer in access exclusive mode");
    const dumps = "from pg_stat_activity where application_name = 'understudy publish' and wait_event_type = 'Lock'";
    try {
        await work(async () => {
            while ((await query("shop", `select 1 ${dumps}`)).length === 0) {
                await sleep(20);
            }
        });
    } finally {
        await query("shop", `select pg_terminate_backend(pid) ${dumps}`);
        await client.end();
    }
}
