import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { freePort } from "../postgres/server";
import { sweep } from "../sweep";
import { startProxy, through } from "./proxy";
import { whole } from "./seed";
import { expectTruth, type FaultStage, openFaultStage } from "./stage";

/** The server goes, or the way to it. */
let stage: FaultStage;
/** Runs that wait for a server which never comes, beside everything below. */
let waiting: Promise<() => Promise<void>>[];
beforeAll(async () => {
    stage = await openFaultStage();
    waiting = [
        unreachable("the server is not there", { port: await freePort() }),
        unreachable("no such host", { host: "production.invalid" }),
    ];
});
afterAll(() => stage?.stop());

const gone = /^Failed: The server 127\.0\.0\.1:\d+ has gone \(.+\): look whether it runs/;

sweep([
    ["load", /"begun","phase":"load"/],
    ["prove", /"begun","phase":"prove"/],
    ["analyze", /"begun","phase":"analyze"/],
])("the server crashes during %s and comes back", async (step, at) => {
    const plan = stage.next();
    let crashed: Promise<void> | undefined;
    const ending = await stage.attempt("prepare-database", plan, {
        started(child) {
            let log = "";
            child.stdout?.on("data", (chunk) => {
                log += chunk;
                if (crashed === undefined && at.test(log)) {
                    crashed = stage.replica.server.crash();
                }
            });
        },
    });
    await crashed;
    expect(ending).toMatchObject({ status: 1, sentence: expect.stringMatching(gone) });
    await stage.recovered({ fault: "4 the server crashes", step: `prepare-database: ${step}`, ending, plan });
});

// What they send in all, the backup's rows included.
const sent = { "prepare-database": 150_000, switch: 4_500 };

sweep(
    (["prepare-database", "switch"] as const).flatMap((command) =>
        [1, 2, 3, 4].map((round) => [command, whole(0, sent[command], command, `${round}`)] as const),
    ),
)("%s, whose connections are reset after %i bytes", async (command, bytes) => {
    const plan = stage.next();
    await preparedFor(command, plan);
    const proxy = await startProxy(stage.replica.server.port, bytes);
    const ending = await stage.attempt(command, through(plan, { port: proxy.port }));
    await proxy.close();
    // While it connects, it tries again.
    if (ending.status === 0) {
        return stage.converged(plan);
    }
    expect(ending).toMatchObject({ status: 1, sentence: expect.stringMatching(gone) });
    await stage.recovered({ fault: "6 connections are reset", step: `${command}, after ${bytes} bytes`, ending, plan });
});

async function preparedFor(command: "prepare-database" | "switch", plan: Plan) {
    for (const step of command === "switch" ? (["prepare-database", "prepare-media"] as const) : []) {
        expect(await stage.replica.run(step, plan)).toMatchObject({ status: 0 });
    }
}

test("a server that cannot be reached is waited for a minute, and named", async () => {
    for (const recovered of await Promise.all(waiting)) {
        await recovered();
    }
});

async function unreachable(step: string, server: Partial<Plan["database"]["server"]>) {
    const plan = stage.next();
    const ending = await stage.replica.run("prepare-database", through(plan, server));
    expectTruth(ending);
    const { host, port } = { ...plan.database.server, ...server };
    expect(ending).toMatchObject({
        status: 3,
        sentence: expect.stringContaining(`The server ${host}:${port} cannot be used`),
    });
    return () => stage.recovered({ fault: "6 the server is out of reach", step, ending, plan });
}
