import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type HostStage, openHostStage } from "./stage";

let stage: HostStage;
let told: string;
const settings = (lifecycle: object, more: object = {}) => ({
    services: [],
    "target.page": undefined,
    lifecycle,
    notices: { command: { host: "application", command: `cat >> ${told}` } },
    ...more,
});
beforeAll(async () => {
    stage = await openHostStage("lifecycle");
    told = join(stage.machines.application.folder, "told");
});
afterAll(() => stage?.stop());

const succeeded = async (...args: Parameters<HostStage["run"]>) => {
    const { status, output } = await stage.run(...args);
    expect(status, output).toBe(0);
    return output;
};
const lastTold = () => readFileSync(told, "utf8").trim().split("\n").at(-1);
const databases = () =>
    stage.replica.query("postgres", "select datname from pg_database where datname ~ '^shop' order by 1");

test("step 1: a copy is told of when it is live, and may be used for as long as the stack file says", async () => {
    await succeeded("up", settings({ expires: "7d", action: "wipe", notice: "1d" }));
    expect(lastTold()).toMatch(/^understudy\/lifecycle has another copy of production's data, after /);
    expect(await succeeded("status")).toMatch(/^lifecycle +expires \S+, in 6 d 23 h/m);
    expect(await succeeded("ttl")).toMatch(/^lifecycle expires \S+, in 6 d 23 h/m);
});

test("step 2: when that is over it is flagged and told of, and nothing is taken (S1-11)", async () => {
    const before = await stage.replica.content();
    const output = await succeeded("ttl", settings({ expires: "1s", action: "wipe", notice: "1h", maximumAge: "1s" }));
    expect(output).toMatch(/^lifecycle has expired \S+; from \S+ on it is wiped$/m);
    expect(readFileSync(told, "utf8")).toMatch(/^understudy\/lifecycle has expired .* on it is wiped\.$/m);
    expect(lastTold()).toMatch(/^understudy\/lifecycle is stale: its data is .* old/);
    expect(await stage.replica.content()).toBe(before);
    expect(await succeeded("ttl")).toMatch(/has expired/);
    expect(await stage.replica.content()).toBe(before);
});

test("step 3: it may be extended, but to no time that is over", async () => {
    const late = await stage.run("extend", undefined, "2020-01-01");
    expect(late.output).toContain("2020-01-01 is over: write a later day");
    expect(late.status).toBe(1);
    expect(await succeeded("extend", undefined, "7d", "--reason", "the demo")).toMatch(/may be used until \S+/);
    expect(await succeeded("ttl")).toMatch(/^lifecycle expires \S+, in 6 d 23 h/m);
});

test("step 4: an update that fails is told of, without its reason", async () => {
    const { status } = await stage.run(
        "up",
        settings(
            { expires: "1s" },
            { parity: { source: { tag: "1" }, target: { tag: "2" } }, "database.refresh": "2" },
        ),
    );
    expect(status).toBe(1);
    expect(lastTold()).toBe(
        "The update of understudy/lifecycle has failed: understudy status lifecycle tells how it is.",
    );
});

test("step 5: newer data than the flag's is flagged anew, and wiped only after its own notice", async () => {
    const short = { expires: "1s", action: "wipe", notice: "1s" };
    await succeeded("up", settings(short, { "database.refresh": "3" }));
    const until = Date.now() + 60_000;
    await succeeded("extend", undefined, new Date(until).toISOString().replace(/\.\d+/, ""));
    await sleep(until - Date.now());
    expect(await succeeded("ttl")).toMatch(/has expired \S+; from \S+ on it is wiped$/m);
    expect(await databases()).not.toEqual([]);
    await sleep(2_000);
    const output = await succeeded("ttl");
    expect(output).toMatch(/has expired \S+, and was flagged \S+$/m);
    expect(await databases()).toEqual([]);
    expect(lastTold()).toBe("understudy/lifecycle had expired and is wiped.");
});

test("step 6: what is gone does not expire", async () => {
    expect(await succeeded("ttl")).toContain("lifecycle does not expire: no copy is live, as far as is known");
});
