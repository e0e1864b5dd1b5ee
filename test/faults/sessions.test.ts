import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { aside } from "../postgres/replica";
import { sweep } from "../sweep";
import { type FaultStage, openFaultStage } from "./stage";

/** Somebody is connected, and comes back, while the databases are renamed. */
let stage: FaultStage;
beforeAll(async () => {
    stage = await openFaultStage(undefined, { max_prepared_transactions: "5" });
    await stage.replica.server.query("postgres", "create role visitor login superuser password 'visitor'");
});
afterAll(() => stage?.stop());

const account = { user: "visitor", password: "visitor" };
const client = () => new Client({ host: "127.0.0.1", port: stage.replica.server.port, database: "shop", ...account });

/** What a client has met: the identity of the database that answered, each time, and why it was turned away. */
interface Visits {
    answers: string[];
    errors: string[];
}

/** Connects, asks and leaves, again and again; every second time it asks until it is ended. */
async function visit(until: () => boolean, stays: boolean): Promise<Visits> {
    const visits: Visits = { answers: [], errors: [] };
    while (!until()) {
        const visitor = client();
        let lost: string | undefined;
        visitor.on("error", (error: Error & { code?: string }) => {
            lost ??= error.code;
        });
        try {
            await visitor.connect();
            do {
                const { rows } = await visitor.query<{ oid: string; customers: number }>(
                    `select oid::text, (select count(*)::int from public.customer) as customers
                       from pg_database where datname = current_database()`,
                );
                expect(rows[0]?.customers).toBe(3006);
                visits.answers.push(rows[0]?.oid ?? "");
            } while (stays && !until());
        } catch (error) {
            const { code, message } = error as { code?: string; message: string };
            // The reason may come before the query that is told of the lost connection alone.
            visits.errors.push(lost ?? code ?? message);
        } finally {
            await visitor.end().catch(() => undefined);
        }
    }
    return visits;
}

async function oidOf(database: string): Promise<string> {
    const rows = await stage.replica.server.query(
        "postgres",
        `select oid::text from pg_database where datname = '${database}'`,
    );
    return String(rows[0]?.oid);
}

/** Switches while eight clients come and go; each sees the former copy, then the new one, and is turned away twice at most. */
async function switchedUnderLoad(plan: Plan) {
    const [former, next] = [await oidOf("shop"), await oidOf(aside(plan.database.generation))];
    let done = false;
    const visitors = Array.from({ length: 8 }, (_, at) => visit(() => done, at % 2 === 0));
    await sleep(300);
    const ending = await stage.replica.run("switch", plan);
    const after = await oidOf("shop");
    await sleep(300);
    done = true;
    expect(ending, ending.log).toMatchObject({ status: 0 });
    expect(after).toBe(next);
    for (const { answers, errors } of await Promise.all(visitors)) {
        expect(answers.filter((answer, at) => answer !== answers[at - 1])).toEqual([former, next]);
        const count = (code: string) => errors.filter((error) => error === code).length;
        expect({ errors, most: Math.max(count("57P01"), count("3D000")) }).toEqual({
            errors,
            most: expect.toSatisfy((n) => n <= 1),
        });
        expect(errors.filter((error) => !["57P01", "3D000"].includes(error))).toEqual([]);
    }
}

test("eight clients that connect, ask and come back all the time, during a switch and a rollback", async () => {
    const [first, second] = [0, 1].map(() =>
        stage.next(({ database }) => {
            database.keepGenerations = 1;
        }),
    ) as [Plan, Plan];
    await stage.converged(first);
    expect(await stage.replica.run("prepare-database", second)).toMatchObject({ status: 0 });
    await switchedUnderLoad(second);
    await switchedUnderLoad(first);
    await switchedUnderLoad(second);
    await stage.converged(stage.next());
});

sweep([
    ["holds locks in a transaction", "begin; lock table public.customer in access exclusive mode"],
    ["asks for long", "select pg_sleep(600)"],
    ["has written and not committed", "begin; update public.customer set name = 'x'"],
])("a client that %s is ended, and does not hold up a switch", async (_, sql) => {
    const plan = stage.next();
    for (const step of ["prepare-database", "prepare-media"] as const) {
        expect(await stage.replica.run(step, plan)).toMatchObject({ status: 0 });
    }
    const visitor = client();
    visitor.on("error", () => undefined);
    await visitor.connect();
    const asked = visitor.query(sql).catch((error: { code?: string }) => error.code);
    await sleep(200);
    expect(await stage.replica.run("switch", plan)).toMatchObject({ status: 0 });
    await asked;
    await expect(visitor.query("select 1")).rejects.toThrow();
    await visitor.end().catch(() => undefined);
    await stage.converged(plan);
});

test("a prepared transaction, which no session holds, is named before anything is changed", async () => {
    const plan = stage.next();
    for (const step of ["prepare-database", "prepare-media"] as const) {
        expect(await stage.replica.run(step, plan)).toMatchObject({ status: 0 });
    }
    await stage.replica.server.query("shop", "begin; create table public.held (); prepare transaction 'it''s held'");
    const ending = await stage.attempt("switch", plan);
    await stage.replica.server.query("shop", "rollback prepared 'it''s held'");
    expect(ending).toMatchObject({ status: 3, sentence: expect.stringContaining("it's held") });
    await stage.recovered({ fault: "10 somebody holds on", step: "switch: prepared transaction", ending, plan });
});
