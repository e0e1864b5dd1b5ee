import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type HostStage, openHostStage } from "./stage";

let stage: HostStage;
beforeAll(async () => {
    stage = await openHostStage("faults");
    // Enough that a transfer takes a moment.
    await stage.production.query(
        "shop",
        "set role shop; create table picture as select i, (select string_agg(md5(random()::text || (i + j)), '') from generate_series(1, 300) j) as bytes from generate_series(1, 3000) i",
    );
    expect((await stage.run("up")).status).toBe(0);
    stage.startService();
    await stage.serves("500");
});
afterAll(() => stage?.stop());

let live: unknown;
beforeEach(async () => {
    live = await generation();
});

const generation = async () =>
    (await stage.replica.query("postgres", "select id from understudy.generation where state = 'live'"))[0]?.id;
const again = () => ({ "database.refresh": String(Math.random()) });

/** Waits for something, for ten minutes at most: machines may be busy. */
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 600_000; !(await what()); ) {
        if (Date.now() > deadline) {
            throw new Error("it did not happen within 10 min");
        }
        await sleep(10);
    }
}

const folderOn = (machine: keyof HostStage["machines"]) =>
    join(stage.machines[machine].folder, "var", `understudy-${stage.stack}`);

/** What runs have left on a machine. */
function left(machine: keyof HostStage["machines"]): string[] {
    return readdirSync(folderOn(machine), { recursive: true })
        .map(String)
        .filter((name) => name !== "agent.cjs");
}

/** Whether a backup is arriving at the target. */
const arriving = () => left("target").some((name) => name.includes("incoming/hourly/"));

/** The agents that run for a machine's folder, with a command. */
function agents(machine: keyof HostStage["machines"], command: string): number[] {
    return readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/cmdline`))
        .map(Number)
        .filter((pid) => {
            try {
                const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
                return words[1] === join(folderOn(machine), "agent.cjs") && words[2] === command;
            } catch {
                return false;
            }
        });
}

test("the source's ssh server is killed while the backup travels", async () => {
    const cut = until(arriving).then(() => stage.machines.production.kill());
    const { status, output } = await stage.run("up", again());
    await cut;
    await stage.machines.production.start();
    expect(output).toMatch(/Host production cannot be reached|The run on host production ended|The connection/);
    expect(status).not.toBe(0);
    expect(await generation()).toBe(live);
    expect(await stage.page()).toBe("500");
    await until(() => left("target").length === 0);
});

test("the target's ssh server is killed while the backup travels", async () => {
    const cut = until(arriving).then(() => stage.machines.target.kill());
    const { status } = await stage.run("up", again());
    await cut;
    await stage.machines.target.start();
    expect(status).not.toBe(0);
    expect(await generation()).toBe(live);
    expect(await stage.page()).toBe("500");
    await until(() => left("target").length === 0);
});

test("the target's disk is full", async () => {
    const small = join(stage.root, "small");
    mkdirSync(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=9m", "tmpfs", small]);
    try {
        const { status, output } = await stage.run("up", { ...again(), "hosts.target.folder": join(small, "var") });
        expect(output).toMatch(/ENOSPC|no space left/i);
        expect(status).not.toBe(0);
        expect(await generation()).toBe(live);
        expect(await stage.page()).toBe("500");
        expect(readdirSync(join(small, "var", `understudy-${stage.stack}`))).toEqual(["agent.cjs"]);
    } finally {
        // Whoever was there a moment ago may still be on its way out.
        await until(() => {
            try {
                execFileSync("umount", [small], { stdio: "ignore" });
                return true;
            } catch {
                return false;
            }
        });
    }
});

test("a service that does not stop (S1-02): it is told of, and goes on", async () => {
    process.kill(stage.service() ?? 0, "SIGKILL");
    stage.startService({ STUBBORN: "1" });
    await stage.serves("500");
    const { status, output } = await stage.run("up", { ...again(), stopTimeout: "2s" });
    expect(output).toContain("Service web was told to stop and still runs after 2 s");
    expect(status).not.toBe(0);
    expect(await generation()).toBe(live);
    await stage.serves("500");
    for (const pid of stage.services()) {
        process.kill(pid, "SIGKILL");
    }
    stage.startService();
    await stage.serves("500");
});

test("the switch fails: what ran runs again (S1-13)", async () => {
    await stage.replica.query("postgres", "alter system set max_prepared_transactions = 5");
    await stage.replica.crash();
    await stage.serves("500");
    await stage.replica.query("shop", "begin; create table held (); prepare transaction 'held'");
    const first = stage.service();
    const { status, output } = await stage.run("up", again());
    expect(output).toContain('prepared transaction "held"');
    expect(status).not.toBe(0);
    await stage.replica.query("shop", "rollback prepared 'held'");
    await stage.serves("500");
    expect(stage.service()).not.toBe(first);
    expect(await generation()).toBe(live);
});

test("understudy is killed between stop and start: the host starts the service by itself", async () => {
    const first = stage.service();
    const { status } = await stage.killed(
        "up",
        again(),
        until(() => stage.service() === undefined),
    );
    expect(status).not.toBe(0);
    await until(() => stage.service() !== undefined);
    expect(stage.service()).not.toBe(first);
    await stage.serves("500");
    await until(() => left("application").length === 0);
});

test("the agent that holds the service is killed as well: another process starts it", async () => {
    const kill = until(() => stage.service() === undefined).then(() => {
        for (const pid of agents("application", "hold-services")) {
            process.kill(pid, "SIGKILL");
        }
    });
    const { status, output } = await stage.run("up", again());
    await kill;
    expect(output).toMatch(/The run on host application ended/);
    expect(status).not.toBe(0);
    await until(() => stage.service() !== undefined);
    await stage.serves("500");
});

test("the application's ssh server is killed between stop and start", async () => {
    const kill = until(() => stage.service() === undefined).then(() => stage.machines.application.kill());
    const { status } = await stage.run("up", again());
    await kill;
    expect(status).not.toBe(0);
    await until(() => stage.service() !== undefined);
    await stage.serves("500");
    await stage.machines.application.start();
});

test("the next update makes all of it good, and leaves nothing", async () => {
    const { status, output } = await stage.run("up", again());
    expect(output).toContain("web was stopped");
    expect(status).toBe(0);
    await stage.serves("500");
    for (const machine of ["production", "target", "application"] as const) {
        expect(left(machine)).toEqual([]);
    }
});
