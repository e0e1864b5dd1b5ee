import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { markerSql, type Plan } from "../../contract";
import { type Ending, stampBefore } from "./replica";
import { type Stacks, second, startStacks } from "./stacks";

/** Two stacks on one server. */
let stacks: Stacks;
beforeAll(async () => {
    stacks = await startStacks();
    await stacks.query(markerSql(second));
    await stacks.run(stacks.secondPlan(), "prepare-media");
});
afterAll(() => stacks?.stop());

describe("while one stack restores", () => {
    const slow = (plan: Plan) => {
        plan.database.backups = join(stacks.replica.folder, "slow");
        plan.database.rules = "00000000a3";
    };

    /** The roles that load something now. */
    const loading = () => stacks.query("select from pg_roles where rolname ~ '^understudy_restore_'");

    /** Runs something once the load of a plan has begun. */
    async function during<T>(plan: Plan, other: () => Promise<T>): Promise<[Ending, T]> {
        let begun: Promise<T> | undefined;
        const ending = await stacks.replica.run("prepare-database", plan, {
            started: (child) =>
                child.stdout?.on("data", (chunk) => {
                    if (/"begun","phase":"load"/.test(String(chunk))) {
                        begun ??= other();
                    }
                }),
        });
        if (begun === undefined) {
            throw new Error(`There was no load: ${ending.log}`);
        }
        return [ending, await begun];
    }

    beforeAll(() => {
        mkdirSync(join(stacks.replica.folder, "slow/hourly"), { recursive: true });
        const text = gunzipSync(stacks.backup).toString("latin1");
        const sleeping = text.replace("SET row_security = off;", "$&\nSELECT pg_sleep(3);");
        expect(sleeping).not.toBe(text);
        const path = join(stacks.replica.folder, `slow/hourly/backup-${stampBefore(1000)}-shop.sql.gz`);
        writeFileSync(path, gzipSync(Buffer.from(sleeping, "latin1")));
    });

    test("the other one switches, and waits with its own refresh: then it clones what the first one has restored", async () => {
        const next = stacks.secondPlan();
        await stacks.prepared(next);
        const clone = stacks.secondPlan(slow);
        const [ending, [switched, waited]] = await during(stacks.firstPlan(slow), async () => {
            const switched = await stacks.replica.run("switch", next);
            expect(await loading()).toHaveLength(1);
            return [switched, await stacks.replica.run("prepare-database", clone)];
        });
        expect(ending, ending.log).toMatchObject({ status: 0, sentence: expect.stringContaining("is restored") });
        expect(switched, switched.log).toMatchObject({ status: 0, sentence: expect.stringContaining("is live") });
        expect(waited.log).toMatch(/waiting for another stack's run at this server: understudy prepare-database 0/);
        expect(waited, waited.log).toMatchObject({ status: 0, sentence: expect.stringContaining("is cloned") });
        expect((await stacks.reportOf(clone)).base).toBe(
            (await stacks.query("select id from understudy.base where rules = '00000000a3'"))[0]?.id,
        );
    });

    test("who waits can be stopped, and has changed nothing", async () => {
        const plan = stacks.secondPlan(slow);
        const restoring = stacks.firstPlan((one) => {
            slow(one);
            one.database.rules = "00000000a4";
        });
        const [ending, stopped] = await during(restoring, async () => {
            const stopped = await stacks.replica.run("prepare-database", plan, {
                started: (child) =>
                    child.stdout?.on("data", (chunk) => /waiting for/.test(String(chunk)) && child.kill("SIGTERM")),
            });
            expect(await loading()).toHaveLength(1);
            return stopped;
        });
        expect(ending, ending.log).toMatchObject({ status: 0 });
        expect(stopped).toMatchObject({ status: 1, sentence: expect.stringContaining("was stopped") });
        expect(
            await stacks.query(`select from understudy.generation where id = '${plan.database.generation}'`),
        ).toEqual([]);
    });
});
