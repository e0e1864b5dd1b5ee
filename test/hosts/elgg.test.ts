import { execFileSync } from "node:child_process";
import {
    chmodSync,
    copyFileSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import yaml from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mysqlMarkerSql } from "../../contract/mysql";
import { type MariaDb, startMariaDb } from "../../dev/mariadb";
import { type ImageServer, type ImageService, startImage } from "../mysql/image";
import { freePort } from "../postgres/server";
import { type Examples, openExamples } from "./example";
import type { Machine } from "./machine";

const file = "elgg/Pulumi.elgg.yaml";
/** What production has and nobody else must have. */
const secret = "planted-production-7d3f";
const login = "planted-login-password";

/** Text as PHP serialises it. */
const php = (text: string) => `s:${Buffer.byteLength(text)}:"${text}";`;

describe("the clone of a members' site on Elgg", () => {
    let examples: Examples;
    let production: MariaDb;
    let replica: MariaDb;
    let clone: Machine;
    let local: ImageServer;
    let bundle: string;
    let units: string;
    let page: number;

    beforeAll(async () => {
        [examples, production, replica] = await Promise.all([openExamples("elgg"), startMariaDb(), startMariaDb()]);
        await examples.places(file);
        clone = examples.machines.get("clone") as Machine;
        page = await freePort();
        units = join(clone.folder, "bin/units");
        mkdirSync(units, { recursive: true });
        copyFileSync(join(__dirname, "systemctl.sh"), join(clone.folder, "bin/systemctl"));
        chmodSync(join(clone.folder, "bin/systemctl"), 0o755);
        const environment =
            `MYSQL_MODULE=${require.resolve("mysql2/promise")} PORT=${page} ` +
            `DATABASE=mysql://members:${login}@127.0.0.1:${replica.port}/members`;
        writeFileSync(
            join(units, "apache2"),
            `#!/bin/sh\n${environment} exec ${process.execPath} ${join(__dirname, "mysql-service.cjs")}\n`,
            { mode: 0o755 },
        );
        const application = at("web01", "application");
        mkdirSync(join(application, "elgg-config"), { recursive: true });
        writeFileSync(join(application, "index.php"), "<?php\n");
        writeFileSync(join(application, "elgg-config/settings.php"), `<?php $CONFIG->dbpass = '${secret}';\n`);
        mkdirSync(join(at("web01", "data"), "caches"), { recursive: true });
        writeFileSync(join(at("web01", "data"), "picture"), "a picture");
        writeFileSync(join(at("web01", "data"), "caches/old"), "old");
        for (const name of ["application", "data"]) {
            mkdirSync(at("clone", name), { recursive: true });
        }
        await replica.query(undefined, mysqlMarkerSql("understudy/elgg"));
        await production.query(undefined, "create database elgg character set utf8mb4");
        const data = at("web01", "data");
        await production.query(
            "elgg",
            `create table elgg_users (guid bigint not null auto_increment primary key, username varchar(80), name varchar(80),
                 email varchar(120), password_hash varchar(255), joined timestamp not null default current_timestamp);
             insert into elgg_users (username, name, email, password_hash) values
                 ('anna', 'Anna Käthe 🦊', 'anna@members.example.org', '${secret}-hash'),
                 ('bert', 'Bert', 'bert@example.com', '${secret}-hash');
             create table elgg_config (name varchar(80) primary key, value longtext);
             insert into elgg_config values ('dataroot', '${php(`${data}/`)}'), ('announcement', '${php("")}'),
                 ('site', '${php("https://members.example.org/groups")}');
             create table elgg_metadata (id int primary key, value longtext);
             insert into elgg_metadata values (1, 'See https://members.example.org/1 in ${data}/picture');
             create table elgg_users_sessions (session varchar(80), data text);
             insert into elgg_users_sessions values ('${secret}-session', '');
             create table elgg_users_remember_me_cookies (code varchar(80));
             create view elgg_names as select name from elgg_users;
             create function elgg_number() returns int reads sql data return (select count(*) from elgg_names);
             create procedure elgg_tidy() begin delete from elgg_metadata; delete from elgg_users_sessions; end;
             create trigger elgg_noted after insert on elgg_users for each row
                 insert into elgg_metadata values (1000 + new.guid, 'joined');
             create event elgg_sweep on schedule every 1 second do delete from elgg_metadata;`,
        );
    });
    afterAll(async () => {
        for (const pid of [join(units ?? "", "apache2.pid")].filter(existsSync)) {
            process.kill(Number(readFileSync(pid, "utf8")), "SIGKILL");
        }
        await examples?.stop();
        await Promise.all([production?.stop(), replica?.stop(), local?.stop()]);
        rmSync(bundle ?? "", { recursive: true, force: true });
    });

    /** A folder of a machine's. */
    const at = (machine: string, name: string) => join(examples.machines.get(machine)?.folder ?? "", "srv", name);
    const up = (changes: Record<string, unknown> = {}) =>
        examples.up(
            "elgg",
            file,
            {
                "source.database.server": { host: "127.0.0.1", port: production.port },
                "source.media": { host: "web01", folder: at("web01", "data") },
                "target.server": { host: "127.0.0.1", port: replica.port },
                "target.media": at("clone", "data"),
                "target.page": `http://127.0.0.1:${page}/`,
                folders: [
                    {
                        name: "application",
                        from: { host: "web01", folder: at("web01", "application") },
                        to: at("clone", "application"),
                        minimumFiles: 1,
                        exclude: ["elgg-config/settings.php"],
                        user: 33,
                        group: 33,
                    },
                ],
                files: [
                    {
                        host: "clone",
                        path: join(at("clone", "application"), "current/settings.php"),
                        template: "examples/elgg/settings.php.tpl",
                        owner: 33,
                        group: 33,
                        mode: "0640",
                    },
                ],
                "identity.rewrite": [
                    { from: "https://members.example.org", to: "https://members.stg.example.org" },
                    { from: "members.example.org", to: "members.stg.example.org" },
                    { from: at("web01", "data"), to: `${at("clone", "data")}/current` },
                ],
                ...changes,
            },
            {
                "source.database.server.password": production.password,
                "target.server.password": replica.password,
                "target.login.password": login,
            },
        );
    const rows = (sql: string) => replica.query("members", sql);

    test("step 1: database, application, data and settings come in one action (S4-01, S4-04)", async () => {
        const { status, output } = await up();
        expect(status, output).toBe(0);
        expect(await rows("select count(*) as count from elgg_names")).toEqual([{ count: 2 }]);
        const data = `${at("clone", "data")}/current`;
        expect(readFileSync(join(data, "picture"), "utf8")).toBe("a picture");
        expect(existsSync(join(data, "caches"))).toBe(false);
        const settings = join(at("clone", "application"), "current/settings.php");
        expect(readFileSync(settings, "utf8")).toContain(`$CONFIG->dbpass = '${login}';`);
        expect(statSync(settings).uid).toBe(33);
        for (const password of [secret, login, replica.password]) {
            expect(output).not.toContain(password);
        }
    });

    test("step 2: addresses and folders are the clone's, in serialised values as well (S4-02)", async () => {
        const data = `${at("clone", "data")}/current`;
        expect(await rows("select value from elgg_config where name in ('dataroot', 'site') order by name")).toEqual([
            { value: php(`${data}/`) },
            { value: php("https://members.stg.example.org/groups") },
        ]);
        expect(await rows("select value from elgg_metadata")).toEqual([
            { value: `See https://members.stg.example.org/1 in ${data}/picture` },
        ]);
    });

    test("step 3: nobody's data, sessions and hashes are in it, and it says that it is a copy (S4-06, S4-07)", async () => {
        expect(await replica.content()).not.toContain(secret);
        expect(await replica.content()).not.toContain("Anna");
        expect(await rows("select value from elgg_config where name = 'announcement'")).toEqual([
            { value: php("This is a copy of production.") },
        ]);
    });

    test("step 4: a refresh stops the web server for the switch alone; what is not production's goes (S4-16)", async () => {
        await rows("create table stray (id int); create view astray as select 1");
        await production.query("elgg", "insert into elgg_users (username, name) values ('carl', 'Carl')");
        execFileSync(join(clone.folder, "bin/systemctl"), ["start", "apache2"]);
        const { status, output } = await up({ "database.refresh": "2" });
        expect(status, output).toBe(0);
        expect(output).toContain("apache2 was stopped");
        expect(await rows("show tables like '%stray'")).toEqual([]);
        expect(await (await fetch(`http://127.0.0.1:${page}/`)).text()).toBe("3");
    });

    test("step 5: developers get it as a bundle of their own, with nobody's secret (S4-11, S4-17)", async () => {
        bundle = mkdtempSync(join(tmpdir(), "understudy-elgg-"));
        await rows(`insert into elgg_metadata values (2, 'pass it on: ${login}')`);
        const refused = await examples.run("bundle", "elgg", bundle);
        expect(refused.output).toMatch(/would be in the bundle \(databases\/members\.sql\.gz line \d+\)/);
        expect(refused.output).not.toContain(login);
        expect(refused.status).not.toBe(0);
        expect(readdirSync(bundle)).toEqual([]);
        await rows("delete from elgg_metadata where id = 2");
        const before = await replica.content();
        const { status, output } = await examples.run("bundle", "elgg", bundle);
        expect(status, output).toBe(0);
        expect(await replica.content()).toBe(before);
        expect(readdirSync(bundle).sort()).toEqual(["README.md", "compose.yaml", "databases", "files"]);
        expect(readdirSync(join(bundle, "databases"))).toEqual(["members.sql.gz"]);
        expect(readFileSync(join(bundle, "files/media/picture"), "utf8")).toBe("a picture");
        const settings = readFileSync(join(bundle, "files/application/settings.php"), "utf8");
        expect(settings).toContain("$CONFIG->dbhost = 'database';\n$CONFIG->dbport = 3306;\n");
        expect(settings).toContain("$CONFIG->dbpass = 'developer';");
        expect(settings).toContain("'database' === 'database' ? 'http://localhost:8080/'");
        const everything = '{ gunzip -c "$2"/databases/*.gz; find "$2" -type f ! -name "*.gz" -exec cat {} +; }';
        const lines = (text: string) =>
            Number(execFileSync("sh", ["-c", `${everything} | grep -c -F -e "$1" || true`, "sh", text, bundle]));
        for (const text of [secret, login, replica.password, "Anna", "`members`@", "db01.example.org"]) {
            expect(lines(text), text).toBe(0);
        }
        for (const text of ["elgg_names", "$CONFIG->dbpass", "a picture"]) {
            expect(lines(text), text).toBeGreaterThan(0);
        }
    });

    test("step 6: the official image starts with all that the clone has, and only then is it healthy (S4-11)", async () => {
        const { services } = yaml.load(readFileSync(join(bundle, "compose.yaml"), "utf8")) as {
            services: { database: ImageService; application: { volumes: string[] } };
        };
        expect(services.database.image).toBe("mariadb:10.11");
        expect(services.application.volumes).toContain("./files/media:/srv/clone/data/current");
        local = await startImage(services.database, join(bundle, "databases"));
        expect(local.health).toEqual([false, false, true]);
        const options = ["--skip-comments", "--routines", "--events", "--triggers", "--hex-blob", "members"];
        const live = String(await replica.tool("mariadb-dump", options));
        expect(live).toMatch(/CREATE.*(?:TRIGGER|EVENT|PROCEDURE|FUNCTION)/);
        expect(await local.tool("mariadb-dump", options)).toBe(live.replaceAll("`members`@`%`", "`developer`@`%`"));
        const [number] = await local.query(
            "members",
            "insert into elgg_users (username, name) values ('dora', 'Dora'); call elgg_tidy(); select elgg_number() as people",
        );
        expect(number).toEqual({ people: 4 });
    });

    test("step 7: a dump of PostgreSQL is refused, and the copy stays", async () => {
        const before = await rows("select count(*) as count from elgg_users");
        const dumps = at("db01", "backups");
        mkdirSync(dumps, { recursive: true });
        writeFileSync(join(dumps, "elgg.sql"), "--\n-- PostgreSQL database dump\n--\n");
        const { status, output } = await up({
            "source.database.files": join(dumps, "{database}.sql"),
            "database.backup": "latest",
        });
        expect(status).not.toBe(0);
        expect(output).toContain("is a dump of PostgreSQL, and this replica's database is MySQL or MariaDB");
        expect(await rows("select count(*) as count from elgg_users")).toEqual(before);
    });

    test("step 8: a wipe takes the databases away, and leaves what was there before", async () => {
        await replica.query(undefined, "create database others; create table others.item (id int)");
        const { status, output } = await examples.run("wipe", "elgg", "--yes");
        expect(status, output).toBe(0);
        const left = await replica.query(
            undefined,
            `select schema_name as name from information_schema.schemata
              where schema_name not in ('information_schema', 'mysql', 'performance_schema', 'sys') order by 1`,
        );
        expect(left).toEqual([{ name: "others" }, { name: "understudy" }]);
        expect(
            await replica.query(
                undefined,
                "select distinct user as user from mysql.user where user not in ('mariadb.sys', 'mysql', 'root')",
            ),
        ).toEqual([]);
        expect(existsSync(join(at("clone", "data"), "current/picture"))).toBe(true);
    });

    test("step 9: production's server, which has no marker, is refused", async () => {
        const before = await production.content();
        const { status, output } = await up({ "target.server": { host: "127.0.0.1", port: production.port } });
        expect(status).not.toBe(0);
        expect(output).toContain("does not carry the marker of a replica");
        expect(await production.content()).toBe(before);
    });
});
