import { afterAll, beforeAll, expect, test } from "vitest";
import { sweep } from "../sweep";
import { whole } from "./seed";
import { type FaultStage, openFaultStage } from "./stage";

/** The agent ends at any point, as with its node: nothing of it runs any more, and nobody tidies up. */
let stage: FaultStage;
beforeAll(async () => {
    stage = await openFaultStage();
});
afterAll(() => stage?.stop());

const fault = "4 the agent is killed (kill -9)";

sweep([
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

/** What comes before each. */
const steps = {
    "prepare-database": [],
    switch: ["prepare-database", "prepare-media"],
    retire: ["prepare-database", "prepare-media", "switch"],
} as const;

/** Milliseconds that each takes. */
const longest = { "prepare-database": 1000, switch: 350, retire: 350 };

sweep(
    (["prepare-database", "switch", "retire"] as const).flatMap((command) =>
        [1, 2, 3, 4].map((round) => [command, whole(40, longest[command], command, `${round}`)] as const),
    ),
)("%s, after %i ms", async (command, milliseconds) => {
    const plan = stage.next();
    for (const step of steps[command]) {
        expect(await stage.replica.run(step, plan)).toMatchObject({ status: 0 });
    }
    const ending = await stage.attempt(command, plan, {
        started: (child) => setTimeout(() => child.kill("SIGKILL"), milliseconds),
    });
    // It may have been faster: then nothing has happened to it.
    if (ending.status === 0) {
        return stage.converged(plan);
    }
    await stage.recovered({ fault, step: `${command}, after ${milliseconds} ms`, ending, plan });
});
