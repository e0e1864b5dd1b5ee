import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import yaml from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { into, receive } from "../../agent/transfer/receive";
import { composeFile } from "../../cli/compose";
import { exitStatus } from "../../contract";
import { type CopySending, developer } from "../../contract/hosts";
import type { MysqlCopyPlan } from "../../contract/mysql";
import { type MariaDb, startMariaDb } from "../../dev/mariadb";
import { type HostSettings, parseHosts } from "../../settings/hosts";
import { type ImageServer, type ImageService, startImage } from "./image";
import { dump, ids, login, type MysqlReplica, stampBefore, startMysqlReplica } from "./replica";

const [first] = ids;
const names = ["shop", "shop_2"];

let production: MariaDb;
let replica: MysqlReplica;
let local: ImageServer;
let plan: MysqlCopyPlan;
let folder: string;

beforeAll(async () => {
    [production, replica] = await Promise.all([startMariaDb(), startMysqlReplica()]);
    folder = mkdtempSync(join(tmpdir(), "understudy-live-"));
    const stamp = stampBefore(60);
    for (const name of names) {
        await production.query(undefined, `create database ${name} character set utf8mb4`);
        await production.tool("mariadb", [name], readFileSync(join(__dirname, "fixture.sql")));
        replica.store(stamp, await dump(production, [], name), "sql.gz", name);
    }
    plan = replica.plan(first, first, ({ database }) => {
        database.databases = [{ name: "shop" }, { name: "shop_2" }];
    });
    for (const command of ["prepare-database", "prepare-media", "switch"] as const) {
        const { status, log } = await replica.run(command, plan);
        expect(status, log).toBe(0);
    }
    // People may wake an event of the copy, which then is theirs as well.
    await replica.server.query("shop", "alter event sweep enable");
});
afterAll(async () => {
    await local?.stop();
    await Promise.all([production?.stop(), replica?.stop()]);
    rmSync(folder ?? "", { recursive: true, force: true });
});

/** Has the target's agent send the live copy into a folder, and returns its log. */
async function sent(to: string, PATH = process.env.PATH ?? ""): Promise<string> {
    const sending: CopySending = { plan, leaveOut: {} };
    const child = spawn(process.execPath, [join(replica.folder, "agent.cjs"), "send-copy"], { env: { PATH } });
    let log = "";
    child.stderr.on("data", (text) => {
        log += text;
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.stdin.write(`${JSON.stringify({ plan: sending, secrets: {} })}\n`);
    const arrived = await receive(child.stdout, into(to)).catch(() => undefined);
    child.stdin.end();
    expect(await ended, log).toBe(arrived === undefined ? exitStatus.refused : 0);
    return log;
}

/** With these a dump is equal for equal content. */
const options = ["--skip-comments", "--routines", "--events", "--triggers", "--hex-blob"];

/** What the compose file says of a database's service. */
function serviceFor(version: string): ImageService {
    const written = {
        hosts: { here: { local: true }, there: { command: ["docker", "exec", "-i", "replica"] } },
        source: { database: { host: "here" } },
        target: { host: "there", login },
        database: { engine: "mysql", name: "shop", others: [{ name: "shop_2" }] },
    };
    const { settings, problems } = parseHosts(written, () => undefined);
    expect(problems).toEqual([]);
    const text = composeFile(settings as HostSettings, version, []);
    return (yaml.load(text) as { services: { database: ImageService } }).services.database;
}

describe("the live copy, sent for a bundle", () => {
    test("names the server's version, and each database as SQL of one state", async () => {
        const log = await sent(folder);
        expect(log).toContain("2 databases and 1 folder were sent");
        expect(readFileSync(join(folder, "version"), "utf8")).toMatch(/^10\.11\.\d+-MariaDB/);
        expect(readdirSync(join(folder, "databases")).sort()).toEqual(["shop.sql.gz", "shop_2.sql.gz"]);
    });

    test("has nobody's account, password, nor address in it but the developer's", () => {
        for (const name of names) {
            const sql = gunzipSync(readFileSync(join(folder, "databases", `${name}.sql.gz`))).toString();
            for (const stranger of [
                login.user,
                login.password,
                replica.server.password,
                "root",
                "Host:",
                "127.0.0.1",
            ]) {
                expect(sql.includes(stranger), stranger).toBe(false);
            }
            expect(sql.match(/^grant .*$/gm)).toEqual([
                `grant all on \`${name.replace("_", "\\_")}\`.* to \`${developer}\`@\`%\`;`,
            ]);
        }
    });

    test("is loaded by the official image with all that the live copy has, and is healthy only then", async () => {
        const version = readFileSync(join(folder, "version"), "utf8");
        local = await startImage(serviceFor(version), join(folder, "databases"));
        expect(local.health).toEqual([false, false, false, true]);
        await replica.server.query("shop", "alter event sweep disable");
        for (const name of names) {
            const live = String(await replica.server.tool("mariadb-dump", [...options, name]));
            expect(await local.tool("mariadb-dump", [...options, name])).toBe(
                live.replaceAll(/DEFINER=`\w+`@`[^`]+`/g, `DEFINER=\`${developer}\`@\`%\``),
            );
        }
    });

    test("works for the developer's account: views, triggers, routines; and no event is due", async () => {
        for (const name of names) {
            expect(await local.query(name, "select count(*) as count from cheap")).toEqual([{ count: 5000 }]);
            await local.query(name, "insert into vendor values (8, 'new', null); call tidy(100)");
            expect(await local.query(name, "select * from log")).toEqual([]);
            await local.query(name, "alter view cheap as select 1 as one; drop procedure tidy");
            expect(
                await local.query(name, "select status from information_schema.events where event_schema = database()"),
            ).toEqual([{ status: "DISABLED" }]);
        }
    });

    test("needs the server's client programs on the target's host, which a sentence says", async () => {
        const bin = join(replica.folder, "bin");
        mkdirSync(bin);
        for (const program of ["mariadb-dump", "mysqldump"]) {
            writeFileSync(join(bin, program), "#!/bin/sh\nexit 127\n");
            chmodSync(join(bin, program), 0o755);
        }
        expect(await sent(join(replica.folder, "nowhere"), `${bin}:${process.env.PATH}`)).toContain(
            "Neither mariadb-dump nor mysqldump is on the target's host: install the server's client programs there.",
        );
    });
});
