import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { Command, Plan } from "../../contract";
import { dump, type Ending, type Replica, stampBefore, startProduction, startReplica } from "../postgres/replica";

/** A replica that is in use, and what is done to it. */
export interface FaultStage {
    replica: Replica;
    /** Plan of another generation of the same backup. */
    next(change?: (plan: Plan) => void): Plan;
    /** Runs the agent, and ends it like a power failure once its log says this. */
    killed(command: Command, plan: Plan, at: RegExp): Promise<Ending>;
    /**
     * Checks what has to be true after every fault: the copy in use answers with its rows, or the new one does; production's
     * stores are as they were; a run that failed has said so; running again converges, and nothing temporary is left.
     */
    recovered(what: { fault: string; step: string; ending: Ending; plan: Plan }): Promise<void>;
    stop(): Promise<void>;
}

/** Makes a replica with a live copy of the fixture. */
export async function openFaultStage(parent?: string): Promise<FaultStage> {
    const [production, replica] = await Promise.all([startProduction(), startReplica({}, parent)]);
    replica.store(stampBefore(600), await dump(production));
    await production.stop();
    const told: string[] = [];
    let generations = 0;

    const next: FaultStage["next"] = (change = () => undefined) => {
        generations += 1;
        const id = generations.toString(16).padStart(10, "0");
        return replica.plan(id, "00000000aa", (plan) => {
            plan.database.keepGenerations = 0;
            change(plan);
        });
    };
    const converged = async (plan: Plan) => {
        for (const command of ["prepare-database", "prepare-media", "switch", "retire"] as const) {
            const { status, sentence, log } = await replica.run(command, plan);
            expect(status, `${sentence}\n${log}`).toBe(0);
        }
    };
    const rows = async () => (await replica.server.tool("pg_dump", ["--data-only", "shop"])).toString();
    const strip = (text: string) => text.replaceAll(/^\\(un)?restrict .*$/gm, "");
    await converged(next());
    const before = { rows: strip(await rows()), stores: digest(replica.folder) };

    return {
        replica,
        next,
        killed(command, plan, at) {
            return replica.run(command, plan, { started: (child) => killAt(child, at) });
        },
        async recovered({ fault, step, ending, plan }) {
            const { status, sentence } = ending;
            expect(status, sentence).not.toBe(0);
            expect(strip(await rows())).toBe(before.rows);
            const live = await replica.server.query(
                "postgres",
                "select id from understudy.generation where state = 'live'",
            );
            expect(live).toHaveLength(1);
            await gone(replica);
            await converged(plan);
            expect(strip(await rows())).toBe(before.rows);
            expect(digest(replica.folder)).toBe(before.stores);
            expect(await temporary(replica)).toEqual([]);
            told.push(`${fault.padEnd(30)} ${step.padEnd(52)} ${sentence === "" ? "killed" : sentence}`);
        },
        async stop() {
            console.error(
                [
                    "",
                    `${"fault".padEnd(30)} ${"step".padEnd(52)} what it said; then: in use as before, converged`,
                    ...told,
                ].join("\n"),
            );
            await replica.stop();
        },
    };
}

function killAt(child: ChildProcess, at: RegExp): void {
    let log = "";
    child.stdout?.on("data", (chunk) => {
        log += chunk;
        if (at.test(log)) {
            child.kill("SIGKILL");
        }
    });
}

/** Waits until the server has noticed that a run is no more: what it was asked last, it finishes. */
async function gone({ server }: Replica): Promise<void> {
    const sessions = "select from pg_stat_activity where application_name like 'understudy%'";
    while ((await server.query("postgres", sessions)).length > 0) {
        await sleep(100);
    }
}

/** Databases and roles beside the live ones, and unfinished records. */
async function temporary({ server }: Replica): Promise<string[]> {
    const rows = await server.query(
        "postgres",
        `select datname as name from pg_database where datname ~ '^shop_' and not datistemplate
         union all select rolname from pg_roles where rolname ~ '^understudy_'
         union all select id from understudy.generation where state <> 'live'
         union all select id from understudy.base where report is null`,
    );
    return rows.map(({ name }) => String(name));
}

/** Names and content of production's stores. */
function digest(folder: string): string {
    const hash = createHash("sha256");
    for (const store of ["store/hourly", "source"]) {
        for (const name of readdirSync(join(folder, store)).sort()) {
            hash.update(name).update(readFileSync(join(folder, store, name)));
        }
    }
    return hash.digest("hex");
}
