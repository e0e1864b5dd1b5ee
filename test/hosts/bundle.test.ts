import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import yaml from "js-yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type TestServer } from "../postgres/server";
import { type HostStage, loginPassword, openHostStage } from "./stage";

const token = "planted-token-5512";

let stage: HostStage;
let local: TestServer;
let bundle: string;
let settings: Record<string, unknown>;

beforeAll(async () => {
    stage = await openHostStage("bundle", { "secrets.elgg.token": token });
    const { production, target, application } = stage.machines;
    const data = join(production.folder, "srv/data");
    const code = join(production.folder, "srv/application");
    const to = { data: join(target.folder, "srv/data"), code: join(target.folder, "srv/application") };
    for (const folder of [join(data, "1"), join(code, "config"), to.data, to.code, join(application.folder, "etc")]) {
        mkdirSync(folder, { recursive: true });
    }
    writeFileSync(join(data, "1/picture"), "a picture");
    writeFileSync(join(code, "index.php"), "<?php echo 'shop';");
    await stage.production.query(
        "shop",
        "set role shop; create table member (id serial primary key, email text); insert into member (email) values ('ann@people.example')",
    );
    bundle = join(stage.root, "bundle");
    settings = {
        "source.media": { host: "production", folder: data },
        "target.media": to.data,
        media: { group: 33 },
        folders: [{ name: "application", from: { host: "production", folder: code }, to: to.code, group: 33 }],
        files: [
            { host: "target", path: join(to.code, "current/config/settings"), template: "test/hosts/bundle.tpl" },
            { host: "application", path: join(application.folder, "etc/settings"), template: "test/hosts/bundle.tpl" },
        ],
        masking: { file: "test/hosts/masking.yaml" },
        bundle: { image: "example/elgg:3.2", folders: { application: "/var/www/html", media: "/srv/elgg" } },
    };
});
afterAll(async () => {
    await local?.stop();
    await stage?.stop();
});

const make = (folder: string, changes?: Record<string, unknown>, ...more: string[]) =>
    stage.run("bundle", changes, folder, ...more);

test("step 1: of what is not live there is no bundle", async () => {
    const { status, output } = await make(bundle, settings);
    expect(output).toMatch(/Nothing of understudy\/bundle is live: run understudy up first/);
    expect(status).not.toBe(0);
    expect(existsSync(bundle)).toBe(false);
});

test("step 2: a replica that stands is bundled, and nothing is changed on any machine (S4-11)", async () => {
    const up = await stage.run("up", settings);
    expect(up.status).toBe(0);
    const before = await stage.replica.content();
    const { status, output } = await make(bundle);
    expect(output).toContain("docker compose up");
    expect(status).toBe(0);
    expect(await stage.replica.content()).toBe(before);
    const agents = readdirSync(join(stage.machines.target.folder, "var", `understudy-${stage.stack}`));
    expect(agents).toEqual(["agent.cjs"]);
    expect(readdirSync(bundle).sort()).toEqual(["README.md", "compose.yaml", "configuration", "databases", "files"]);
    expect(statSync(bundle).mode & 0o077).toBe(0);
});

test("step 3: the compose file starts the database with the dumps, then the application with its folders", () => {
    const { services } = yaml.load(readFileSync(join(bundle, "compose.yaml"), "utf8")) as {
        services: Record<string, { image: string; volumes: string[]; ports: string[]; depends_on?: unknown }>;
    };
    expect(services.database?.image).toBe("postgres:15");
    expect(services.application?.image).toBe("example/elgg:3.2");
    expect(services.application?.depends_on).toEqual({ database: { condition: "service_healthy" } });
    const mounts = [...(services.database?.volumes ?? []), ...(services.application?.volumes ?? [])];
    for (const mount of mounts) {
        expect(existsSync(join(bundle, mount.split(":")[0] ?? ""))).toBe(true);
    }
    expect(mounts.map((mount) => mount.split(":")[1])).toContain("/var/www/html");
    for (const { ports } of Object.values(services)) {
        expect(ports.every((port) => port.startsWith("127.0.0.1:"))).toBe(true);
    }
});

test("step 4: its dumps make the databases anew on a server that has none, masked (S4-11)", async () => {
    local = await startServer();
    for (const name of readdirSync(join(bundle, "databases"))) {
        const sql = join(stage.root, "dump.sql");
        writeFileSync(sql, gunzipSync(readFileSync(join(bundle, "databases", name))));
        await local.tool("psql", ["--dbname=postgres", "--set=ON_ERROR_STOP=1", "--quiet", `--file=${sql}`]);
    }
    expect(await local.query("shop", "select count(*)::int as rows from item")).toEqual([{ rows: 500 }]);
    const [{ email } = { email: "" }] = await local.query("shop", "select email from member");
    expect(email).toMatch(/@replica\.invalid$/);
});

test("step 5: files are there, and configuration is the developer's own", () => {
    const text = "host=database\npassword=developer\ndata=/srv/elgg\ntoken=developer\n";
    expect(readFileSync(join(bundle, "files/media/1/picture"), "utf8")).toBe("a picture");
    expect(readFileSync(join(bundle, "files/application/index.php"), "utf8")).toBe("<?php echo 'shop';");
    expect(readFileSync(join(bundle, "files/application/config/settings"), "utf8")).toBe(text);
    const elsewhere = join(bundle, "configuration", stage.machines.application.folder, "etc/settings");
    expect(readFileSync(elsewhere, "utf8")).toBe(text);
});

test("step 6: no password of the replica is in it, and nobody's address", () => {
    execFileSync("sh", ["-c", 'gunzip --keep "$1"/databases/*.gz', "sh", bundle]);
    for (const secret of [loginPassword, token, stage.replica.password, "ann@people.example"]) {
        const found = execFileSync("sh", ["-c", 'grep -rlF -e "$1" "$2" || true', "sh", secret, bundle], {
            encoding: "utf8",
        });
        expect(found).toBe("");
    }
});

test("step 7: what would bring a secret along is no bundle, and nothing of it is left (S4-17)", async () => {
    const other = join(stage.root, "other");
    const media = join(stage.machines.target.folder, "srv/data/current/1/notes");
    writeFileSync(media, `first\nthe password is ${loginPassword}\n`);
    const { status, output } = await make(other);
    expect(output).toMatch(/would be in the bundle \(files\/media\/1\/notes line 2\)/);
    expect(output).not.toContain(loginPassword);
    expect(status).not.toBe(0);
    expect(readdirSync(stage.root).filter((name) => name.startsWith("other"))).toEqual([]);
    writeFileSync(media, "");
});

test("step 8: a folder that is not empty is left alone", async () => {
    const { status, output } = await make(bundle);
    expect(output).toMatch(/is not empty: name one for the bundle alone/);
    expect(status).not.toBe(0);
});

test("step 9: people's data as production has it is bundled only with a reason", async () => {
    const { masking: _, ...bare } = settings;
    const up = await stage.run("up", bare);
    expect(up.status).toBe(0);
    const other = join(stage.root, "unmasked");
    const refused = await make(other);
    expect(refused.output).toMatch(/has no masking: .* say why with --unmasked "<reason>"/);
    expect(refused.status).not.toBe(0);
    expect(existsSync(other)).toBe(false);
    const made = await make(other, undefined, "--unmasked", "a fault that masked data does not show");
    expect(made.status).toBe(0);
    expect(readFileSync(join(other, "README.md"), "utf8")).toContain("a fault that masked data does not show");
});
