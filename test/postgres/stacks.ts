import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type Command, type CopyPlan, generationName, type Plan } from "../../contract";
import { type DatabaseReport, databaseReport } from "../../contract/report";
import { dump, type Ending, type Replica, stampBefore, startProduction, startReplica } from "./replica";
import type { TestServer } from "./server";

/** What a database is in production, and what the second stack calls its copy. */
export const shop = { name: "shop", owner: "shop" };
export const copy = { name: "copy", owner: "copyist", production: shop };

export const second = "understudy/second";

/** Two stacks on one server that somebody has brought. It carries the marker of the first one alone. */
export interface Stacks {
    replica: Replica;
    production: TestServer;
    backup: Buffer;
    /** A plan for another generation of the first stack, or of the second one; `change` may alter it. */
    firstPlan(change?: (plan: CopyPlan) => void): CopyPlan;
    secondPlan(change?: (plan: CopyPlan) => void): CopyPlan;
    /** Runs commands that have to end well. */
    run(plan: Plan, ...commands: Command[]): Promise<Ending>;
    prepared(plan: Plan): Promise<Ending>;
    live(plan: Plan): Promise<Ending>;
    query(sql: string): Promise<Record<string, unknown>[]>;
    reportOf(plan: Plan): Promise<DatabaseReport>;
    stop(): Promise<unknown>;
}

/** Starts the server, and stores a backup. */
export async function startStacks(): Promise<Stacks> {
    const [replica, production] = await Promise.all([startReplica(), startProduction()]);
    const backup = await dump(production);
    replica.store(stampBefore(4000), backup);
    const volume = join(replica.folder, "volume-second");
    mkdirSync(volume);
    let made = 0;

    const firstPlan: Stacks["firstPlan"] = (change = () => undefined) => {
        made += 1;
        return replica.plan(made.toString(16).padStart(10, "0"), "00000000aa", (plan) => {
            plan.database.keepBase = true;
            change(plan);
        });
    };
    const run: Stacks["run"] = async (plan, ...commands) => {
        let ending: Ending | undefined;
        for (const command of commands) {
            ending = await replica.run(command, plan);
            expect(ending.status, `${ending.sentence}\n${ending.log}`).toBe(0);
        }
        return ending as Ending;
    };
    const query: Stacks["query"] = (sql) => replica.server.query("postgres", sql);
    return {
        replica,
        production,
        backup,
        firstPlan,
        secondPlan: (change = () => undefined) =>
            firstPlan((plan) => {
                plan.stack = second;
                plan.database.databases = [copy];
                plan.media.volume = volume;
                change(plan);
            }),
        run,
        prepared: (plan) => run(plan, "prepare-database"),
        live: (plan) => run(plan, "prepare-database", "prepare-media", "switch", "retire"),
        query,
        async reportOf({ database }) {
            const [row] = await query(`select report from understudy.generation where id = '${database.generation}'`);
            return databaseReport.parse(row?.report);
        },
        stop: () => Promise.all([replica.stop(), production.stop()]),
    };
}

/** Name of the plan's database while it is not live. */
export function aside({ database }: Plan): string {
    return generationName(database.databases[0].name, database.generation);
}
