import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type HostStage, loginPassword, openHostStage } from "./stage";

/** What production has and the replica must not, and a secret of the replica's own. */
const production = { host: "db.production.example", password: "planted-production-44ab" };
const token = "planted-token-90ff";

const template = join(__dirname, "settings.tpl");

let stage: HostStage;
let application: string;
let to: string;
let elsewhere: string;
let settings: Record<string, unknown>;

beforeAll(async () => {
    stage = await openHostStage("files", {
        "secrets.elgg.token": token,
        "forbidden.texts[0]": production.host,
        "forbidden.texts[1]": production.password,
    });
    const { machines } = stage;
    application = join(machines.production.folder, "srv/application");
    to = join(machines.target.folder, "srv/application");
    elsewhere = join(machines.application.folder, "etc/elgg");
    for (const folder of [join(application, "config"), to, elsewhere]) {
        mkdirSync(folder, { recursive: true });
    }
    writeFileSync(join(application, "index.php"), "<?php");
    const lines = ["<?php", `$CONFIG->dbhost = '${production.host}';`, `$CONFIG->dbpass = '${production.password}';`];
    writeFileSync(join(application, "config/settings.php"), lines.join("\n"));
    writeFileSync(join(elsewhere, "settings.php"), "as the administrator left it");
    write(
        "$CONFIG->dbname = '{{database.name}}';",
        "$CONFIG->dbuser = '{{ database.user }}';",
        "$CONFIG->dbpass = '{{database.password}}';",
        "$CONFIG->root = '{{folders.application}}';",
        "$CONFIG->token = '{{secrets.elgg.token}}';",
    );
    settings = {
        folders: [
            {
                name: "application",
                from: { host: "production", folder: application },
                to,
                group: 33,
                user: 33,
                exclude: ["config/settings.php"],
            },
        ],
        files: [
            {
                host: "target",
                path: join(to, "current/config/settings.php"),
                template: "test/hosts/settings.tpl",
                owner: 33,
                group: 33,
                mode: "0640",
            },
            { host: "application", path: join(elsewhere, "settings.php"), template: "test/hosts/settings.tpl" },
        ],
        "forbidden.folders": ["application"],
        identity: { set: [{ table: "item", columns: { name: "mail goes to the sink" }, where: "id = 1" }] },
        hooks: { beforeSwitch: [{ sql: "insert into item (id, name) values (100001, 'This is a copy')" }] },
    };
});
afterAll(async () => {
    rmSync(template, { force: true });
    await stage?.stop();
});

function write(...lines: string[]): void {
    writeFileSync(template, `${["<?php", ...lines].join("\n")}\n`);
}

const there = () => readFileSync(join(elsewhere, "settings.php"), "utf8");
const here = () => readFileSync(join(to, "current/config/settings.php"), "utf8");

/** Everything whose name says that it is temporary. */
function temporary(): string[] {
    return [to, elsewhere].flatMap((folder) =>
        readdirSync(folder, { recursive: true })
            .map(String)
            .filter((name) => name.includes("understudy-")),
    );
}

test("step 1: a production's line that was copied is told before anything is changed, by its place and not by its text (S1-04, S4-06)", async () => {
    const [folder] = settings.folders as [object];
    const { status, output } = await stage.run("up", {
        ...settings,
        files: [],
        folders: [{ ...folder, exclude: [] }],
    });
    expect(output).toMatch(
        /What forbidden names is in \S+config\/settings\.php line 2, \S+settings\.php line 3: leave/,
    );
    expect(output).not.toContain(production.password);
    expect(status).not.toBe(0);
    expect(existsSync(join(to, "current"))).toBe(false);
    expect(there()).toBe("as the administrator left it");
});

test("step 2: files are rendered for the replica, whole, and nobody else's (S4-06)", async () => {
    const { status, output } = await stage.run("up", settings);
    expect(output).toContain("Written: ");
    expect(status).toBe(0);
    const text = [
        "<?php",
        "$CONFIG->dbname = 'shop';",
        "$CONFIG->dbuser = 'shop_app';",
        `$CONFIG->dbpass = '${loginPassword}';`,
        `$CONFIG->root = '${to}/current';`,
        `$CONFIG->token = '${token}';`,
        "",
    ].join("\n");
    expect(here()).toBe(text);
    expect(there()).toBe(text);
    const { uid, gid, mode } = statSync(join(to, "current/config/settings.php"));
    expect(`${uid}:${gid} ${(mode & 0o777).toString(8)}`).toBe("33:33 640");
    expect(statSync(join(elsewhere, "settings.php")).mode & 0o777).toBe(0o600);
    for (const secret of [loginPassword, token, production.password]) {
        expect(output).not.toContain(secret);
    }
    expect(temporary()).toEqual([]);
});

test("step 3: a refresh of the database alone writes them again, and what made the copy the replica's own (S3-15, S4-09)", async () => {
    rmSync(join(to, "current/config/settings.php"));
    await stage.replica.query("shop", "delete from item where id in (1, 100001)");
    const { status } = await stage.run("refresh", undefined, "--database-only");
    expect(status).toBe(0);
    expect(here()).toContain("$CONFIG->dbname = 'shop';");
    expect(await stage.replica.query("shop", "select name from item where id in (1, 100001) order by id")).toEqual([
        { name: "mail goes to the sink" },
        { name: "This is a copy" },
    ]);
});

test("step 4: a template that brings a forbidden text is put back, and the live copy stays", async () => {
    const before = [here(), there()];
    const { generation } = (
        await stage.replica.query("postgres", "select id as generation from understudy.generation where state = 'live'")
    )[0] as { generation: string };
    write("$CONFIG->dbname = '{{database.name}}';", `$CONFIG->dbhost = '${production.host}';`);
    const { status, output } = await stage.run("up", { ...settings, "database.refresh": "3" });
    expect(output).toMatch(/What forbidden names is in \S+ line 3: correct the template/);
    expect(status).not.toBe(0);
    expect([here(), there()]).toEqual(before);
    expect(await stage.replica.query("postgres", "select id from understudy.generation where state = 'live'")).toEqual([
        { id: generation },
    ]);
    expect(temporary()).toEqual([]);
});

test("step 5: where one file cannot be written, none is", async () => {
    const before = [here(), there()];
    write("$CONFIG->dbname = '{{database.name}}';", "// another");
    const [first, second] = settings.files as [object, { path: string }];
    const { status, output } = await stage.run("up", {
        ...settings,
        "database.refresh": "4",
        files: [first, { ...second, path: join(elsewhere, "missing/settings.php") }],
    });
    expect(output).toMatch(/missing\/settings\.php cannot be written \(ENOENT, open\): make its folder/);
    expect(status).not.toBe(0);
    expect([here(), there()]).toEqual(before);
    expect(temporary()).toEqual([]);
});

test("step 6: a name that nobody knows is refused with those that are known", async () => {
    write("$CONFIG->dbname = '{{database.nam}}';");
    const { status, output } = await stage.run("up", settings);
    expect(output).toMatch(/names database\.nam in line 2, which nobody knows: write one of database\.host, /);
    expect(output).toContain("secrets.elgg.token");
    expect(status).not.toBe(0);
});
