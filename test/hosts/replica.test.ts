import { afterAll, beforeAll, expect, test } from "vitest";
import { type HostStage, openHostStage } from "./stage";

let stage: HostStage;
beforeAll(async () => {
    stage = await openHostStage("hosts");
});
afterAll(() => stage?.stop());

test("step 1: a preview says what an update would do, and changes nothing", async () => {
    const before = await stage.replica.content();
    const { status, output } = await stage.run("preview");
    expect(output).toMatch(/database +shop on target: dumped on production now/);
    expect(status).toBe(0);
    expect(await stage.replica.content()).toBe(before);
});

test("step 2: an update brings the database", async () => {
    const { status, output } = await stage.run("up");
    console.error(output);
    expect(status).toBe(0);
    expect(await stage.replica.query("shop", "select count(*)::int as rows from item")).toEqual([{ rows: 500 }]);
});
