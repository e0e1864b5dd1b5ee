import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type HostStage, openHostStage } from "./stage";

let stage: HostStage;
let before: string;
let running: number | undefined;
beforeAll(async () => {
    stage = await openHostStage("refusals");
    const { status, output } = await stage.run("up");
    expect(output).toContain("is live");
    expect(status).toBe(0);
    stage.startService();
    await stage.serves("500");
});
afterAll(() => stage?.stop());

beforeEach(async () => {
    before = await stage.replica.content();
    running = stage.service();
});
afterEach(async () => {
    expect(await stage.replica.content()).toBe(before);
    expect(await stage.page()).toBe("500");
});

/** An update that asks for another copy, with something wrong. */
const refused = async (changes: Record<string, unknown>) => {
    const { status, output } = await stage.run("up", { "database.refresh": String(Math.random()), ...changes });
    expect(status, output).not.toBe(0);
    return output;
};
const stays = () => expect(stage.service()).toBe(running);

test("a host with another key than the stack file has", async () => {
    const { target } = stage.machines;
    const other = stage.machines.production.knownHosts.split(" ").slice(1).join(" ");
    const knownHosts = `[127.0.0.1]:${target.port} ${other}`;
    const output = await refused({ "hosts.target.ssh.knownHosts": knownHosts });
    expect(output).toContain("Host target shows another key than hosts.target.ssh.knownHosts has");
    expect(output).toContain("Nothing was changed");
    stays();
});

test("a key that the host does not take", async () => {
    writeFileSync(join(stage.machines.target.folder, "authorized"), "");
    const output = await refused({});
    writeFileSync(join(stage.machines.target.folder, "authorized"), stage.keys.public);
    expect(output).toContain("Host target does not take the key");
    stays();
});

test("a key in plain (S4-12)", async () => {
    const output = await refused({ "hosts.target.ssh.key": stage.keys.good });
    expect(output).toContain(
        "hosts.target.ssh.key is in plain: pulumi config set --secret --path hosts.target.ssh.key",
    );
    expect(output).not.toContain(stage.keys.good.split("\n")[2]);
    stays();
});

test("a host that is down", async () => {
    await stage.machines.production.kill();
    const output = await refused({});
    await stage.machines.production.start();
    expect(output).toMatch(/Host production cannot be reached \(.*refused.*\)/);
    stays();
});

test("a host without Node, and none to bring", async () => {
    const output = await refused({ "hosts.application.node": "no-such-node" });
    expect(output).toMatch(
        /Host application has no Node, and the agent needs 20 or later: .*hosts\.application\.bringNode/,
    );
    stays();
});

test("a folder that cannot be written to", async () => {
    const output = await refused({ "hosts.application.folder": "/proc/understudy" });
    expect(output).toContain("The folder /proc/understudy cannot be written to on host application");
    stays();
});

test("a dump command that prints an error and ends well", async () => {
    const output = await refused({ "source.database.command": "echo 'pg_dump: error: connection lost' >&2; true" });
    expect(output).toContain("The dump command failed (pg_dump: error: connection lost)");
    stays();
});

test("a dump command that names no file", async () => {
    const output = await refused({ "source.database.command": "true" });
    expect(output).toContain("The dump command named 0 of 1 files");
    stays();
});

test("a dump command that names an old file", async () => {
    const output = await refused({ "source.database.command": "echo /etc/passwd; true" });
    expect(output).toMatch(/The dump command named \/etc\/passwd, which is from \S+: it has to make a new one/);
    stays();
});

test("a dump command whose dump is cut short (the old way loads it and ends well)", async () => {
    const dump = join(stage.machines.production.folder, "cut.sql");
    const all = (await stage.production.tool("pg_dump", ["shop"])).toString();
    writeFileSync(`${dump}.whole`, all);
    const output = await refused({
        "source.database.command": `head -c ${Math.floor(all.length / 2)} ${dump}.whole > ${dump}; echo ${dump}; true`,
    });
    expect(output).toMatch(/ends|complete|trailer|cut/i);
    stays();
});

test("a password that production does not take", async () => {
    const output = await refused({ "source.database.server.user": "stranger" });
    expect(output).toMatch(/Database shop on 127\.0\.0\.1:\d+ cannot be asked/);
    stays();
});

test("a server without the stack's marker, as production's is", async () => {
    const output = await refused({
        "target.server.port": stage.production.port,
        "source.database.server.port": stage.replica.port,
    });
    expect(output).toMatch(/does not carry the marker of a replica|does not take the password/);
    stays();
});

test("production's own server as the target", async () => {
    const output = await refused({ "target.host": "production", "target.server.port": stage.production.port });
    expect(output).toContain('target.host is "production", whose server is production\'s own');
    stays();
});

test("versions that differ (S3-05)", async () => {
    const parity = { source: { tag: "1.2" }, target: { host: "target", command: "echo 1.1" } };
    const output = await refused({ parity });
    expect(output).toContain("The source runs 1.2, and the target 1.1");
    expect(output).toContain("parity.allowMismatch");
    stays();
});

test("a hold (S1-08)", async () => {
    const output = await refused({ hold: "the testers: acceptance until Friday" });
    expect(output).toContain("The replica is held by the testers: acceptance until Friday");
    stays();
});

test("a setting that there is not, a host that there is not", async () => {
    const output = await refused({ "target.host": "staging", "target.colour": "blue" });
    expect(output).toContain("target.colour is not a setting");
    const other = await refused({ "target.host": "staging" });
    expect(other).toContain('target.host is "staging", which is no host: write one of application, production, target');
    stays();
});
