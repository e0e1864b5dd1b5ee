import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { bundle } from "../../agent/bundle";
import { type BucketsPlan, bucketsSchema } from "../../contract/buckets";
import { altered, eventIn, type Stage, startStage } from "./stage";

let stage: Stage;
let agent: string;

beforeAll(async () => {
    stage = await startStage();
    agent = join(stage.folder, "agent.cjs");
    writeFileSync(agent, await bundle());
    mkdirSync(temporary());
});
afterAll(() => stage?.stop());
beforeEach(async () => {
    await stage.empty();
    await stage.server.put("production", { "site/a": "one", "site/b": "two" });
});

/** Where an agent puts what it needs for a while. */
const temporary = () => join(stage.folder, "tmp");

/** Starts the agent as an update does. */
function start(
    command: string,
    plan: object,
): { child: ChildProcess; ended: Promise<{ status: number | null; output: string }> } {
    const path = join(stage.folder, "plan.json");
    writeFileSync(path, JSON.stringify(plan));
    const child = spawn(process.execPath, [agent, command, "--plan", path], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, UNDERSTUDY_TERMINATION_LOG: join(stage.folder, "last-word"), TMPDIR: temporary() },
    });
    let output = "";
    child.stdout.on("data", (chunk) => {
        output += chunk;
    });
    child.stderr.on("data", (chunk) => {
        output += chunk;
    });
    return { child, ended: new Promise((resolve) => child.once("close", (status) => resolve({ status, output }))) };
}

const run = (command: string, plan: BucketsPlan) => start(command, plan).ended;

test("plan-buckets and copy-buckets tell people and programs, and end well", async () => {
    const plan = bucketsSchema.parse(stage.plan(stage.copy({ description: "pictures" })));
    const planned = await run("plan-buckets", plan);
    expect(planned).toMatchObject({
        status: 0,
        output: expect.stringContaining("would add 2 objects, replace 0 objects"),
    });
    expect(eventIn(planned.output).event).toBe("buckets-planned");
    const copied = await run("copy-buckets", plan);
    expect(copied).toMatchObject({ status: 0, output: expect.stringContaining("Copied 1 bucket") });
    expect(eventIn(copied.output).event).toBe("buckets-copied");
    expect(stage.read("last-word")).toMatch(
        /^Copied 1 bucket in .* pictures: 2 added and 0 replaced \(6 bytes\), 0 deleted/,
    );
});

test("a refusal has a status of its own, and so has a plan that does not fit", async () => {
    const refused = await run("copy-buckets", stage.plan(stage.copy({ minimumObjects: 9 })));
    expect(refused).toMatchObject({ status: 3, output: expect.stringContaining("Refused, and nothing was changed: ") });
    const { copies, ...torn } = stage.plan(stage.copy());
    const { status, output } = await start("copy-buckets", torn).ended;
    expect([status, output]).toEqual([3, expect.stringContaining("does not fit this agent: copies: ")]);
});

test("as on a host, plan and keys come on standard input, and the keys are in no file afterwards", async () => {
    const plan = stage.plan(stage.copy());
    const [copy] = plan.copies;
    const secrets = { "keys/from": JSON.stringify(stage.reader), "keys/to": JSON.stringify(stage.writer) };
    const told = {
        ...plan,
        copies: [
            {
                ...copy,
                from: { ...copy?.from, identity: { file: "keys/from" } },
                to: { ...copy?.to, identity: { file: "keys/to" } },
            },
        ],
    };
    const home = join(stage.folder, "home");
    mkdirSync(home);
    copyFileSync(agent, join(home, "agent.cjs"));
    const child = spawn(process.execPath, [join(home, "agent.cjs"), "copy-buckets"], {
        stdio: ["pipe", "ignore", "ignore"],
    });
    child.stdin.write(`${JSON.stringify({ plan: told, secrets })}\n`);
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
    expect(Object.keys(await stage.server.objects("replica"))).toEqual(["site/a", "site/b"]);
    expect(readdirSync(home)).toEqual(["agent.cjs"]);
});

test("when the agent is killed, what it has started ends as well, and neither leaves a file", async () => {
    await stage.server.put("production", { "site/large": Buffer.alloc(12 * 2 ** 20, 1) });
    const rclone = altered(stage, "sync", `echo $$ > ${stage.folder}/pid; RCLONE_BWLIMIT=500Ki exec $rclone "$@"`);
    const { child, ended } = start("copy-buckets", { ...stage.plan(stage.copy()), rclone });
    const pid = await vi.waitFor(() => Number(stage.read("pid")), 120_000);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(process.kill(pid, 0)).toBe(true);
    child.kill("SIGKILL");
    await ended;
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(), { timeout: 60_000, interval: 100 });
    expect(readdirSync(temporary())).toEqual([]);
    expect(await run("copy-buckets", stage.plan(stage.copy()))).toMatchObject({ status: 0 });
    expect(Object.keys(await stage.server.objects("replica"))).toEqual(["site/a", "site/b", "site/large"]);
});

test("a stopped run says what it leaves", async () => {
    const rclone = altered(stage, "sync", `echo $$ > ${stage.folder}/pid2; exec sleep 60`);
    const { child, ended } = start("copy-buckets", { ...stage.plan(stage.copy()), rclone });
    await vi.waitFor(() => stage.read("pid2"), 120_000);
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({
        status: 1,
        output: expect.stringContaining("the next run goes on with the rest"),
    });
});
