import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Network, openNetwork } from "../network";
import type { Machine } from "./machine";
import { type HostStage, openHostStage } from "./stage";

let network: Network;
let stage: HostStage;
let database: string;
beforeAll(async () => {
    network = await openNetwork();
    stage = await openHostStage("isolation", {}, {}, network);
    database = `${stage.machines.production.place.address}:${stage.production.port}`;
});
afterAll(async () => {
    await stage?.stop();
    await network?.close();
});

/** Runs a program as root on a machine. */
function on({ place }: Machine, ...words: string[]): void {
    const [program = "", ...args] = [...place.enter, ...words];
    execFileSync(program, args, { stdio: "pipe" });
}
/** Opens a connection from a machine, or fails. */
const reach = (machine: Machine, { address }: Machine["place"], port: number) =>
    on(machine, "bash", "-c", `exec 3<>/dev/tcp/${address}/${port}`);
const isolated = (changes: Record<string, unknown> = {}) => ({ isolation: { unreachable: [database] }, ...changes });
const reaches = (host: string) => `Host ${host} reaches ${database}, which isolation.unreachable names`;
const copies = () => stage.replica.query("postgres", "select datname from pg_database where datname ~ '^shop'");

test("machines that reach production's database get nothing of it (S1-03)", async () => {
    const preview = await stage.run("preview", isolated());
    expect(preview.status).not.toBe(0);
    for (const { status, output } of [preview, await stage.run("up", isolated())]) {
        expect(status).not.toBe(0);
        expect(output).toContain(reaches("target"));
        expect(output).toContain(reaches("application"));
        expect(output).not.toContain(reaches("production"));
        expect(output).toContain("Nothing was changed");
    }
    for (const { folder } of Object.values(stage.machines)) {
        expect(readdirSync(join(folder, "var"))).toEqual([]);
    }
});

test("one that has no Node yet tries when it has, before data comes", async () => {
    const { target, production } = stage.machines;
    const rule = ["-p", "tcp", "-d", production.place.address, "--dport", `${stage.production.port}`, "-j", "DROP"];
    on(target, "iptables", "-w", "-A", "OUTPUT", ...rule);
    const later = { "hosts.application.node": "no-such-node", "hosts.application.bringNode": true };
    const { status, output } = await stage.run("up", isolated(later));
    expect(status).not.toBe(0);
    expect(output).toContain(`${reaches("application")}: `);
    expect(output).toContain("No data was brought");
    expect(await copies()).toEqual([]);
});

test("behind a firewall and without a route they have a whole replica, and reach everything else (S1-03)", async () => {
    const { target, production, application } = stage.machines;
    on(application, "ip", "route", "add", "unreachable", production.place.address);
    const { status, output } = await stage.run("up", isolated());
    expect(status, output).toBe(0);
    expect(output).toContain(`${database} from target, application`);
    stage.startService();
    await stage.serves("500");
    expect(() => reach(target, production.place, production.port)).not.toThrow();
    expect(() => reach(application, target.place, stage.replica.port)).not.toThrow();
    // One way: production may reach its replica.
    expect(() => reach(production, target.place, stage.replica.port)).not.toThrow();
});

test("a way that opens later is told by the status and stops the next update, however the machine is reached (S1-03)", async () => {
    const { production, application } = stage.machines;
    on(application, "ip", "route", "delete", "unreachable", production.place.address);
    const { folder, node } = application.reach;
    const behind = { "hosts.application": { command: application.place.enter, folder, node } };
    const before = await stage.replica.content();
    const status = await stage.run("status", isolated(behind));
    expect(status.output).toMatch(new RegExp(`^unreachable +${database} from target$`, "m"));
    expect(status.output).toMatch(new RegExp(`^problem +${reaches("application")}`, "m"));
    const unreachable = [database, "db01.invalid:5432"];
    const { status: ended, output } = await stage.run(
        "up",
        isolated({ ...behind, isolation: { unreachable }, "database.refresh": "2" }),
    );
    expect(ended).not.toBe(0);
    expect(output).toContain(reaches("application"));
    expect(output).toContain("Host target knows no address of db01.invalid:5432");
    expect(await stage.replica.content()).toBe(before);
    expect(await stage.page()).toBe("500");
});
