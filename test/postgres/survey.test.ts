import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generationFolder } from "../../contract";
import type { MailPlan } from "../../contract/mail";
import { type Survey, surveySchema } from "../../contract/survey";
import { startSink } from "../mail/sink";
import { frame, ids, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
const stamps = [stampBefore(7200), stampBefore(3600)] as const;

beforeAll(async () => {
    replica = await startReplica();
    for (const [at, id] of [ids[0], ids[1]].entries()) {
        replica.store(stamps[at] ?? "", frame("CREATE TABLE public.item (n integer);"));
        for (const command of ["prepare-database", "prepare-media", "switch"] as const) {
            expect(await replica.run(command, replica.plan(id, id))).toMatchObject({ status: 0 });
        }
    }
});
afterAll(() => replica?.stop());

async function survey(mail: MailPlan = {}): Promise<Survey> {
    const { status, log } = await replica.run("survey", { ...replica.plan(ids[1], ids[1]), mail });
    expect(status, log).toBe(0);
    return surveySchema.parse(JSON.parse(log.trim().split("\n").at(-1) ?? ""));
}

test("a survey tells of backups, databases and media, the newest first, and changes nothing", async () => {
    const before = await replica.server.content();
    mkdirSync(join(replica.folder, "volume", generationFolder(ids[2])));
    const { backups, databases, media, problems } = await survey();
    expect(backups.map(({ stamp }) => stamp)).toEqual([stamps[1], stamps[0]]);
    expect(databases.map(({ id, state, report }) => [id, state, report?.stamp])).toEqual([
        [ids[1], "live", stamps[1]],
        [ids[0], "former", stamps[0]],
    ]);
    expect(media.map(({ id, completed }) => [id, completed !== null])).toEqual([
        [ids[1], true],
        [ids[0], true],
        [ids[2], false],
    ]);
    expect(problems).toEqual([]);
    expect(await replica.server.content()).toBe(before);
});

test("a survey does not wait for a run that is at the server", async () => {
    const { server } = replica;
    const { port, password } = server;
    const run = new Client({ host: "127.0.0.1", port, user: "postgres", password, database: "postgres" });
    await run.connect();
    try {
        await run.query("select pg_advisory_lock(hashtextextended(stack, 7305118223)) from understudy.replica");
        await run.query("select pg_advisory_lock(7305118223)");
        expect((await survey()).databases).toHaveLength(2);
    } finally {
        await run.end();
    }
});

test("a survey counts what the mail sink has caught", async () => {
    const sink = await startSink({});
    const { mail, problems } = await survey({ sink: `http://127.0.0.1:${sink.http}` });
    await sink.stop();
    expect([mail, problems]).toEqual([{ messages: 0, last: null }, []]);
});

test("what cannot be looked at is said, and the rest is told all the same", async () => {
    rmSync(join(replica.folder, "store/hourly"), { recursive: true });
    const { backups, databases, mail, problems } = await survey({ sink: "http://127.0.0.1:1" });
    expect([backups, mail]).toEqual([[], undefined]);
    expect(databases).toHaveLength(2);
    expect(problems.sort()).toEqual([
        expect.stringMatching(/has no folder hourly/),
        expect.stringMatching(/^The mail sink at http:\/\/127\.0\.0\.1:1 does not tell what it has caught/),
    ]);
});
