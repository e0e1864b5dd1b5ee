import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Live } from "../../contract/event";
import { type AgentEvent, agentEvent, type Progress } from "../../contract/event";
import { frame, ids, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
const stamp = stampBefore(3600);

beforeAll(async () => {
    replica = await startReplica();
});
afterAll(() => replica?.stop());

function eventsIn(log: string): AgentEvent[] {
    const lines = log.split("\n").filter((line) => line.startsWith("{"));
    return lines.map((line) => agentEvent.parse(JSON.parse(line)));
}

test("a load tells each two seconds how far it is, between its begin and its end", async () => {
    const rows = "CREATE TABLE public.item (n integer);\nCOPY public.item (n) FROM stdin;\n1\n2\n3\n\\.\n";
    replica.store(stamp, frame(`${rows}SELECT pg_sleep(5);`));
    const { log, status } = await replica.run("prepare-database", replica.plan(ids[0], ids[0]));
    expect(status, log).toBe(0);
    const events = eventsIn(log);
    const phases = events.filter(({ event }) => event !== "progress");
    expect(phases.map((one) => [one.event, "phase" in one && one.phase])).toEqual(
        ["load", "prove", "analyze"].flatMap((phase) => [
            ["begun", phase],
            ["ended", phase],
        ]),
    );
    const progress = events.filter((one): one is Progress => one.event === "progress");
    expect(progress.length).toBeGreaterThanOrEqual(2);
    expect(progress.length).toBeLessThanOrEqual(4);
    // All is read, and the server is not done yet.
    expect(progress.at(-1)).toMatchObject({ phase: "load", percent: 100, done: 3, unit: "row" });
    expect(progress.at(-1)).not.toHaveProperty("left");
});

test("a switch tells programs what is live, and tells it again when nothing is left to do", async () => {
    mkdirSync(join(replica.folder, "source/more"));
    writeFileSync(join(replica.folder, "source/more/picture"), "another");
    expect(await replica.run("prepare-media", replica.plan(ids[0], ids[0]))).toMatchObject({ status: 0 });
    const [first, again] = [
        await replica.run("switch", replica.plan(ids[0], ids[0])),
        await replica.run("switch", replica.plan(ids[0], ids[0])),
    ].map(({ log }) => eventsIn(log));
    expect(first).toEqual([
        {
            event: "live",
            kept: [],
            room: { database: expect.any(Number), media: expect.any(Number) },
            database: {
                id: ids[0],
                state: "live",
                switched: expect.stringMatching(/^\d{4}-.*Z$/),
                awayMs: expect.any(Number),
                report: expect.objectContaining({ stamp, tables: { "public.item": { rows: 3, bytes: 6 } } }),
                others: [],
            },
            media: {
                id: ids[0],
                completed: expect.stringMatching(/^\d{4}-.*Z$/),
                report: expect.objectContaining({ files: 2, bytes: 16 }),
            },
        },
    ]);
    const [live] = first as [Live];
    expect(again).toEqual([{ ...live, room: expect.anything() }]);
    const { room } = live;
    expect(room.database).toBeGreaterThan(2 ** 33);
    expect(room.database).toBeLessThan(2 ** 34);
    expect(room.media).toBeGreaterThan(0);
});
