import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { markerSql } from "../../contract";
import { freePort, startServer, type TestServer } from "../postgres/server";
import { type Examples, openExamples } from "./example";
import type { Machine } from "./machine";

let examples: Examples;
let production: TestServer;
let replica: TestServer;
beforeAll(async () => {
    examples = await openExamples("examples");
    [production, replica] = await Promise.all([startServer(), startServer()]);
});
afterAll(async () => {
    await examples?.stop();
    await Promise.all([production?.stop(), replica?.stop()]);
});

const server = () => ({ "target.server": { host: "127.0.0.1", port: replica.port } });
const password = () => ({
    "target.server.password": replica.password,
    "target.login.password": "planted-login-password",
});

describe("Fedora's staging sync", () => {
    let web: Machine;
    let units: string;
    let page: number;
    const runs = (unit: string) => {
        try {
            process.kill(Number(readFileSync(join(units, `${unit}.pid`), "utf8")), 0);
            return true;
        } catch {
            return false;
        }
    };

    beforeAll(async () => {
        await examples.places("fedora/Pulumi.fedora.yaml");
        web = examples.machines.get("web01-stg") as Machine;
        units = join(web.folder, "bin/units");
        page = await freePort();
        mkdirSync(units, { recursive: true });
        copyFileSync(join(__dirname, "systemctl.sh"), join(web.folder, "bin/systemctl"));
        chmodSync(join(web.folder, "bin/systemctl"), 0o755);
        const environment = `PG_MODULE=${require.resolve("pg")} PORT=${page} DATABASE=postgresql://bodhi2:planted-login-password@127.0.0.1:${replica.port}/bodhi2`;
        writeFileSync(
            join(units, "httpd"),
            `#!/bin/sh\n${environment} exec ${process.execPath} ${join(__dirname, "service.cjs")}\n`,
            { mode: 0o755 },
        );
        writeFileSync(join(units, "fm-consumer@bodhi"), "#!/bin/sh\nexec sleep 3600\n", { mode: 0o755 });
        await replica.query("postgres", markerSql("understudy/fedora"));
        await production.query("postgres", "create role bodhi2");
        await production.query("postgres", "create database bodhi2 owner bodhi2");
        await production.query(
            "bodhi2",
            `set role bodhi2;
             create table item (id serial primary key, link text);
             create table session (token text);
             create table users (email text);
             insert into item (link) values ('https://bodhi.example.org/updates/1');
             insert into session values ('production-session');
             insert into users values ('anna@fedora.example.org')`,
        );
        mkdirSync(join(examples.machines.get("db01")?.folder ?? "", "backups"));
        const dump = join(examples.machines.get("db01")?.folder ?? "", "backups/bodhi2-2026-11-22.dump");
        writeFileSync(dump, await production.tool("pg_dump", ["--create", "bodhi2"]));
        execFileSync("xz", [dump]);
    });
    afterAll(() => {
        for (const unit of ["httpd", "fm-consumer@bodhi"]) {
            execFileSync(join(web.folder, "bin/systemctl"), ["stop", unit]);
        }
    });

    const here = () => ({
        ...server(),
        "source.database.files": join(
            examples.machines.get("db01")?.folder ?? "",
            "backups/{database}-{stamp}.dump.xz",
        ),
        "target.page": `http://127.0.0.1:${page}/`,
    });

    test("the nightly dump becomes staging's own data (S1-14)", async () => {
        const { status, output } = await examples.up("fedora", "fedora/Pulumi.fedora.yaml", here(), password());
        expect(status, output).toBe(0);
        expect(await replica.query("bodhi2", "select link from item")).toEqual([
            { link: "https://bodhi.stg.example.org/updates/1" },
        ]);
        expect(await replica.query("bodhi2", "select email from users")).toEqual([{ email: "anna@stg.example.org" }]);
        expect(await replica.query("bodhi2", "select * from session")).toEqual([]);
        expect(await replica.query("bodhi2", "insert into item (link) values ('') returning id")).toEqual([
            { id: 990000000 },
        ]);
    });

    test("units that ran run again, and those that did not stay as they were", async () => {
        execFileSync(join(web.folder, "bin/systemctl"), ["start", "httpd"]);
        writeFileSync(join(units, "log"), "");
        const { status, output } = await examples.up(
            "fedora",
            "fedora/Pulumi.fedora.yaml",
            { ...here(), "database.refresh": "2" },
            password(),
        );
        expect(status, output).toBe(0);
        expect(output).toContain("httpd was stopped");
        expect([runs("httpd"), runs("fm-consumer@bodhi")]).toEqual([true, false]);
        const said = readFileSync(join(units, "log"), "utf8")
            .split("\n")
            .filter((line) => /^(stop|start)/.test(line));
        expect(said).toEqual(["stop httpd", "start httpd"]);
    });

    test("a unit that systemd does not know is refused, and nothing is stopped", async () => {
        const changes = {
            ...here(),
            "database.refresh": "3",
            services: [
                { host: "web01-stg", unit: "httpd" },
                { host: "web01-stg", unit: "htpd" },
            ],
        };
        const { status, output } = await examples.up("fedora", "fedora/Pulumi.fedora.yaml", changes, password());
        expect(status).not.toBe(0);
        expect(output).toContain("systemd does not know the unit htpd");
        expect(runs("httpd")).toBe(true);
    });
});

describe("Stage Sync", () => {
    const secrets = { "secrets.oauth.id": "staging-id", "secrets.oauth.secret": "staging-secret" };
    const site = (name: string) => join(examples.machines.get(name)?.folder ?? "", "REVISION");
    const here = () => ({
        ...server(),
        "source.database.server": { host: "127.0.0.1", port: production.port },
        // Of buckets are scenarios of their own.
        buckets: undefined,
        "parity.source.file": site("sourcedb"),
        "parity.target.file": site("destdb"),
    });
    const stage = (changes = {}) =>
        examples.up(
            "stage",
            "stagesync/Pulumi.stage.yaml",
            { ...here(), ...changes },
            { ...password(), ...secrets, "source.database.server.password": production.password },
        );

    beforeAll(async () => {
        await examples.places("stagesync/Pulumi.stage.yaml");
        writeFileSync(site("sourcedb"), "4f2a91c\n");
        writeFileSync(site("destdb"), "4f2a91c\n");
        await replica.query("postgres", markerSql("understudy/stage"));
        await replica.query("postgres", markerSql("understudy/dev"));
        await production.query("postgres", "create role production");
        await production.query("postgres", "create database production owner production");
        await production.query(
            "production",
            `set role production;
             create table django_session (key text);
             insert into django_session values ('production-session');
             create table social_auth_application (provider text, client_id text, client_secret text);
             insert into social_auth_application values ('github', 'production-id', 'production-secret'), ('other', 'kept', 'kept')`,
        );
    });

    test("production becomes stage under another name, with stage's own credentials (S3-10, S3-11)", async () => {
        const { status, output } = await stage();
        expect(status, output).toBe(0);
        const rows = await replica.query(
            "stage",
            "select client_id, client_secret from social_auth_application order by 1",
        );
        expect(rows).toEqual([
            { client_id: "kept", client_secret: "kept" },
            { client_id: "staging-id", client_secret: "staging-secret" },
        ]);
        expect(await replica.query("stage", "select * from django_session")).toEqual([]);
        expect(await replica.content()).not.toContain("production-secret");
    });

    test("another commit is refused (S3-05)", async () => {
        writeFileSync(site("sourcedb"), "77b0c2d\n");
        const { status, output } = await stage({ "database.refresh": "2" });
        writeFileSync(site("sourcedb"), "4f2a91c\n");
        expect(status).not.toBe(0);
        expect(output).toContain("The source runs 77b0c2d, and the target 4f2a91c");
    });

    test("stage becomes dev (S3-02)", async () => {
        const { status, output } = await examples.up("dev", "stagesync/Pulumi.dev.yaml", server(), password());
        expect(status, output).toBe(0);
        expect(await replica.query("dev", "select count(*)::int as rows from social_auth_application")).toEqual([
            { rows: 2 },
        ]);
    });
});
