import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Command, exitStatus, type Plan } from "../../contract";
import { frame } from "../postgres/replica";
import { sweep } from "../sweep";
import { type FaultStage, openFaultStage } from "./stage";

/** A run's status says whether it is of use to run it again: a refusal (3) ends the same until somebody acts. */
let stage: FaultStage;
beforeAll(async () => {
    stage = await openFaultStage();
});
afterAll(() => stage?.stop());

const fault = "5 exit status";

sweep<[string, string, (plan: Plan) => unknown, RegExp]>([
    ["a command that it does not know", "restore", (plan) => plan, /usage: agent prepare-database\|/],
    ["no plan", "prepare-database", () => null, /does not fit this agent: the whole: /],
    [
        "half a plan",
        "prepare-database",
        ({ version, stack }) => ({ version, stack }),
        /does not fit this agent: .*database: .*media: /,
    ],
    ["a plan of another version", "switch", (plan) => ({ ...plan, version: 2 }), /does not fit this agent: version/],
])("%s is a refusal", async (step, command, change, says) => {
    const plan = stage.next();
    const faulty = change(plan) as Plan;
    const ending = await stage.attempt(command as Command, faulty);
    expect(ending).toMatchObject({ status: exitStatus.refused, sentence: expect.stringMatching(says) });
    await stage.recovered({ fault, step, ending, plan });
});

sweep([
    ["with a quote", "sh'op"],
    ["with a double quote", 'sh"op'],
    ["with a newline", "shop\n\\! touch /tmp/x"],
    ["with a leading dash", "--clean"],
    ["of 63 bytes", "s".repeat(63)],
    ["that is not ASCII", "lädchen"],
    ["that is empty", ""],
])("a database's name %s is a refusal, and no command", async (step, name) => {
    const plan = stage.next();
    const faulty = structuredClone(plan);
    faulty.database.databases = [{ name, owner: name }];
    const ending = await stage.attempt("prepare-database", faulty);
    expect(ending).toMatchObject({
        status: exitStatus.refused,
        sentence: expect.stringMatching(/database\.databases\.0\.name: .*database\.databases\.0\.owner: /),
    });
    await stage.recovered({ fault: "a name", step: `a database ${step}`, ending, plan });
});

test("a backup that the server does not take is a failure", () =>
    stage.offered({
        fault,
        step: "an error in the dump",
        put: (hourly, stamp) => writeFileSync(join(hourly, `backup-${stamp}-shop.sql.gz`), frame("SELECT 1 / 0;")),
        status: exitStatus.failed,
        says: /division by zero/,
    }));

test("a run that is stopped is a failure, and takes away what it was making", async () => {
    const plan = stage.next();
    const before = await stage.replica.server.content();
    const ending = await stage.attempt("prepare-database", plan, {
        started: (child) =>
            child.stdout?.on("data", (chunk) => {
                if (/"begun","phase":"load"/.test(String(chunk))) {
                    child.kill("SIGTERM");
                }
            }),
    });
    expect(ending).toMatchObject({
        status: exitStatus.failed,
        sentence: expect.stringContaining("was stopped (SIGTERM)"),
    });
    expect(await stage.replica.server.content()).toBe(before);
    await stage.recovered({ fault, step: "stopped (SIGTERM) during load", ending, plan });
});
