import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FaultStage, openFaultStage } from "./stage";

/** The agent ends at any point, as with its node: nothing of it runs any more, and nobody tidies up. */
let stage: FaultStage;
beforeAll(async () => {
    stage = await openFaultStage();
});
afterAll(() => stage?.stop());

const fault = "the agent is killed (kill -9)";

test.each([
    ["before it has made anything", /restoring shop/],
    ["at the beginning of load", /"begun","phase":"load"/],
    ["at the end of load", /"ended","phase":"load"/],
    ["at the end of prove", /"ended","phase":"prove"/],
    ["at the beginning of analyze", /"begun","phase":"analyze"/],
    ["at the end of analyze", /"ended","phase":"analyze"/],
    ["while it keeps a base", /keeping a base/],
])("prepare-database, %s", async (step, at) => {
    const plan = stage.next(({ database }) => {
        // Another one each time, so that none is there from the step before.
        database.rules = database.generation;
        database.keepBase = true;
    });
    const ending = await stage.killed("prepare-database", plan, at);
    expect(ending.status).toBeNull();
    await stage.recovered({ fault, step: `prepare-database, ${step}`, ending, plan });
});

test("prepare-database, while it clones a base", async () => {
    const first = stage.next(({ database }) => {
        database.keepBase = true;
    });
    expect(await stage.replica.run("prepare-database", first)).toMatchObject({ status: 0 });
    const plan = stage.next(({ database }) => {
        database.keepBase = true;
    });
    const ending = await stage.killed("prepare-database", plan, /"begun","phase":"clone"/);
    await stage.recovered({ fault, step: "prepare-database: clone", ending, plan });
});

test.each(["switch", "retire"] as const)("%s, at any moment", async (command) => {
    await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: 400 }), async (milliseconds) => {
            const plan = stage.next();
            const steps =
                command === "switch"
                    ? (["prepare-database", "prepare-media"] as const)
                    : (["prepare-database", "prepare-media", "switch"] as const);
            for (const step of steps) {
                expect(await stage.replica.run(step, plan)).toMatchObject({ status: 0 });
            }
            const ending = await stage.replica.run(command, plan, {
                started: (child) => setTimeout(() => child.kill("SIGKILL"), milliseconds),
            });
            // It may have been faster: then nothing has happened to it.
            if (ending.status === 0) {
                return;
            }
            await stage.recovered({
                fault,
                step: `${command}, after ${milliseconds} ms`,
                ending,
                plan,
            });
        }),
        { numRuns: 4, seed: 4711 },
    );
});
