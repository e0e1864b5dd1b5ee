import { connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { type FaultStage, openFaultStage } from "./stage";

/** The server goes, or the way to it. */
let stage: FaultStage;
beforeAll(async () => {
    stage = await openFaultStage();
});
afterAll(() => stage?.stop());

const gone = /^Failed: The server 127\.0\.0\.1:\d+ has gone \(.+\): look whether it runs/;

test.each([
    ["load", /"begun","phase":"load"/],
    ["prove", /"begun","phase":"prove"/],
    ["analyze", /"begun","phase":"analyze"/],
])("the server crashes during %s and comes back", async (step, at) => {
    const plan = stage.next();
    let crashed: Promise<void> | undefined;
    const ending = await stage.replica.run("prepare-database", plan, {
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
    await stage.recovered({ fault: "the server crashes", step: `prepare-database: ${step}`, ending, plan });
});

test("the connection is reset half-way", async () => {
    const proxy = await resetting(stage.replica.server.port, 40_000);
    const plan = stage.next(through(proxy));
    const ending = await stage.replica.run("prepare-database", plan);
    await proxy.close();
    expect(ending).toMatchObject({ status: 1, sentence: expect.stringMatching(gone) });
    const direct = {
        ...plan,
        database: { ...plan.database, server: { ...plan.database.server, port: stage.replica.server.port } },
    };
    await stage.recovered({ fault: "the connection is reset", step: "prepare-database: load", ending, plan: direct });
});

interface Proxy {
    port: number;
    close(): Promise<void>;
}

function through({ port }: Proxy): (plan: Plan) => void {
    return ({ database }) => {
        database.server.port = port;
    };
}

/** Leads to a port, and resets every connection once so many bytes have gone there in all. */
async function resetting(port: number, bytes: number): Promise<Proxy> {
    const sockets = new Set<Socket>();
    let passed = 0;
    const server: Server = createServer((near) => {
        const far = connect(port, "127.0.0.1");
        for (const socket of [near, far]) {
            sockets.add(socket);
            socket.on("error", () => undefined);
        }
        near.on("data", (chunk) => {
            passed += chunk.length;
            if (passed > bytes) {
                for (const socket of sockets) {
                    socket.resetAndDestroy();
                }
            }
        });
        near.pipe(far);
        far.pipe(near);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    return {
        port: typeof address === "object" && address !== null ? address.port : 0,
        close: () => new Promise((resolve) => server.close(() => resolve())),
    };
}
