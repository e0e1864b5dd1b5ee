import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { type Ending, stampBefore } from "../postgres/replica";
import { sweep } from "../sweep";
import { whole } from "./seed";
import { expectTruth, type FaultStage, openFaultStage } from "./stage";

/** Two runs are at one server. */
let stage: FaultStage;
let slow: string;
beforeAll(async () => {
    stage = await openFaultStage();
    slow = join(stage.replica.folder, "slow");
    mkdirSync(join(slow, "hourly"), { recursive: true });
    const text = gunzipSync(stage.backup).toString("latin1");
    const sleeping = text.replace("SET row_security = off;", "SET row_security = off;\nSELECT pg_sleep(1.5);");
    expect(sleeping).not.toBe(text);
    writeFileSync(
        join(slow, `hourly/backup-${stampBefore(60)}-shop.sql.gz`),
        gzipSync(Buffer.from(sleeping, "latin1")),
    );
});
afterAll(() => stage?.stop());

/** A plan whose load takes a while. */
const slowly = () =>
    stage.next(({ database }) => {
        database.backups = slow;
    });

/** Runs something once the load of a plan has begun. */
async function during(plan: Plan, rival: () => Promise<Ending>): Promise<[Ending, Ending]> {
    let other: Promise<Ending> | undefined;
    const ending = await stage.replica.run("prepare-database", plan, {
        started: (child) =>
            child.stdout?.on("data", (chunk) => {
                if (/"begun","phase":"load"/.test(String(chunk))) {
                    other ??= rival();
                }
            }),
    });
    if (other === undefined) {
        throw new Error(`There was no load: ${ending.log}`);
    }
    return [ending, await other];
}

sweep(["prepare-database", "switch", "retire"] as const)(
    "%s beside a preparation is refused, and the other one named",
    async (command) => {
        const [first, second] = [slowly(), stage.next()];
        const [winner, loser] = await during(first, () => stage.replica.run(command, second));
        expectTruth(loser);
        expect(loser).toMatchObject({
            status: 3,
            sentence: expect.stringContaining(
                `Another run is at this server: understudy prepare-database ${first.database.generation}`,
            ),
        });
        expect(winner, winner.log).toMatchObject({ status: 0 });
        await stage.recovered({
            fault: "12 two runs",
            step: `${command} beside prepare-database`,
            ending: loser,
            plan: second,
        });
    },
);

test("the same preparation twice, as when a Job is started again", async () => {
    const plan = slowly();
    const [winner, loser] = await during(plan, () => stage.replica.run("prepare-database", plan));
    expectTruth(loser);
    expect(loser).toMatchObject({ status: 3, sentence: expect.stringContaining("Another run is at this server") });
    expect(winner, winner.log).toMatchObject({ status: 0 });
    await stage.recovered({ fault: "12 two runs", step: "the same one twice", ending: loser, plan });
});

sweep([1, 2, 3])("two preparations that begin almost together (%i)", async (round) => {
    const plans = [stage.next(), stage.next()];
    const later = whole(0, 60, "rivals", String(round));
    const endings = await Promise.all(
        plans.map(async (plan, at) => {
            await new Promise((resolve) => setTimeout(resolve, at * later));
            return stage.replica.run("prepare-database", plan);
        }),
    );
    endings.forEach(expectTruth);
    expect(endings.map(({ status }) => status).sort()).toEqual([0, 3]);
    const lost = endings.findIndex(({ status }) => status === 3);
    const [ending, plan] = [endings[lost], plans[lost]];
    if (ending !== undefined && plan !== undefined) {
        await stage.recovered({ fault: "12 two runs", step: `${later} ms apart`, ending, plan });
    }
});

sweep(["prepare-database", "switch", "retire"] as const)("%s of another stack", async (command) => {
    const plan = stage.next();
    const ending = await stage.attempt(command, { ...plan, stack: "understudy/others" });
    expect(ending).toMatchObject({
        status: 3,
        sentence: expect.stringContaining(
            "belongs to the replica of stack understudy/test's, not of understudy/others",
        ),
    });
    await stage.recovered({ fault: "12 two stacks", step: command, ending, plan });
});
