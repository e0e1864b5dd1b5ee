import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { type Command, exitStatus, generationName, type Plan } from "../../contract";
import { surveySchema } from "../../contract/survey";
import {
    dump,
    type Ending,
    loginPassword,
    type Replica,
    stampBefore,
    startProduction,
    startReplica,
} from "../postgres/replica";
import type { TestServer } from "../postgres/server";
import { digest } from "./digest";
import { type Outcome, tell } from "./table";

/** A replica that is in use, and what is done to it. */
export interface FaultStage {
    /** What the backup is of. No plan names it, but where that is the fault. */
    production: TestServer;
    replica: Replica;
    /** The production's database as plain SQL, compressed with gzip. */
    backup: Buffer;
    /** Plan of another generation of the same backup. */
    next(change?: (plan: Plan) => void): Plan;
    /**
     * Runs the agent and checks what its end says: a refusal has changed nothing on the server, production's stores are as
     * they were, and nobody is told a password.
     */
    attempt: Replica["run"];
    /** The same, and ends it like a power failure once its log says this. */
    killed(command: Command, plan: Plan, at: RegExp): Promise<Ending>;
    /** Offers something in the place of a backup, in a store of its own; then as {@link FaultStage.recovered}. */
    offered(offer: Offer): Promise<void>;
    /**
     * Checks what has to be true after every fault: the copy in use answers with its rows, or the new one does; what is told
     * of them is so; running again converges, and nothing temporary is left. Of refusals, which change nothing at all, the
     * first is followed that far.
     *
     * @param what `plan` is the one that is run again
     */
    recovered(what: { fault: string; step: string; ending: Ending; plan: Plan }): Promise<void>;
    /** Makes the plan's generation and switches to it, and removes what is left of others. */
    converged(plan: Plan): Promise<void>;
    stop(): Promise<void>;
}

/** How a run ended that is no more, without a word. */
export const killed: Ending = { status: null, sentence: "", log: "" };

/** What stands in the place of a backup, and what is to be said to it. */
export interface Offer {
    fault: string;
    step: string;
    /** Puts it into the store's folder, under this stamp. */
    put(hourly: string, stamp: string): unknown;
    status: number;
    /** What the sentence says beside the name of the file or the store. */
    says: RegExp;
    /** What else the plan says. */
    change?(plan: Plan): void;
    env?: NodeJS.ProcessEnv;
}

/** Makes a replica with a live copy of the fixture; its server's data goes into `parent`. */
export async function openFaultStage(parent?: string, settings: Record<string, string> = {}): Promise<FaultStage> {
    const [production, replica] = await Promise.all([startProduction(), startReplica(settings, parent)]);
    const backup = await dump(production);
    replica.store(stampBefore(600), backup);
    const stores = [join(replica.folder, "store"), join(replica.folder, "source")];
    const outcomes: Outcome[] = [];
    let generations = 0;
    let refusals = 0;
    let live = "";

    const next: FaultStage["next"] = (change = () => undefined) => {
        generations += 1;
        const id = generations.toString(16).padStart(10, "0");
        return replica.plan(id, "00000000aa", (plan) => {
            plan.database.keepGenerations = 0;
            change(plan);
        });
    };
    const attempt: FaultStage["attempt"] = async (command, plan, options) => {
        const before = { content: await replica.server.content(), stores: digest(...stores) };
        const ending = await replica.run(command, plan, options);
        expectTruth(ending);
        expect(digest(...stores)).toBe(before.stores);
        if (ending.status === exitStatus.refused) {
            expect(await replica.server.content()).toBe(before.content);
        }
        return ending;
    };
    const converged = async (plan: Plan) => {
        for (const command of ["prepare-database", "prepare-media", "switch", "retire"] as const) {
            const { status, sentence, log } = await replica.run(command, plan);
            expect(status, `${sentence}\n${log}`).toBe(0);
        }
        live = plan.database.generation;
    };
    const rows = async (database = "shop") => {
        const text = (await replica.server.tool("pg_dump", ["--data-only", database])).toString();
        return text.replaceAll(/^\\(un)?restrict .*$/gm, "");
    };
    /** What is said to be there is there, and whole. */
    const truthful = async (plan: Plan) => {
        const { log } = await replica.run("survey", plan);
        const { databases, problems } = surveySchema.parse(JSON.parse(log.trim().split("\n").at(-1) ?? ""));
        expect(problems).toEqual([]);
        const [found, ...more] = databases.filter(({ state }) => state === "live");
        expect(more).toEqual([]);
        expect([live, plan.database.generation]).toContain(found?.id);
        for (const { id } of databases.filter(({ state }) => state === "proven" || state === "former")) {
            expect(await rows(generationName("shop", id))).toBe(before.rows);
        }
    };
    await converged(next());
    const before = { rows: await rows() };

    const recovered: FaultStage["recovered"] = async ({ fault, step, ending: { status, sentence }, plan }) => {
        expect(status, sentence).not.toBe(0);
        outcomes.push({ fault, step, sentence });
        if (status === exitStatus.refused) {
            refusals += 1;
            // Each attempt sees that a refusal leaves the whole server as it was: what a run makes of it is seen once.
            if (refusals > 1) {
                return;
            }
        }
        expect(await rows()).toBe(before.rows);
        await gone(replica);
        await truthful(plan);
        await converged(plan);
        expect(await rows()).toBe(before.rows);
        expect(await temporary(replica)).toEqual([]);
    };

    return {
        production,
        replica,
        backup,
        next,
        attempt,
        killed(command, plan, at) {
            return attempt(command, plan, { started: (child) => killAt(child, at) });
        },
        async offered({ fault, step, put, status, says, change = () => undefined, env = {} }) {
            const store = mkdtempSync(join(replica.folder, "store-"));
            const stamp = stampBefore(300);
            mkdirSync(join(store, "hourly"));
            await put(join(store, "hourly"), stamp);
            const held = digest(store);
            const plan = next();
            const offer = structuredClone(plan);
            Object.assign(offer.database, { backups: store, backup: stamp });
            change(offer);
            const ending = await attempt("prepare-database", offer, { env });
            expect(ending).toMatchObject({ status, sentence: expect.stringMatching(says) });
            // By its stamp, which is in its name, or where it was looked for.
            expect(ending.sentence).toMatch(new RegExp(`\\d{4}-\\d\\d-\\d\\dT[\\d:]+Z|${store}`));
            expect(digest(store)).toBe(held);
            await recovered({ fault, step, ending, plan });
        },
        recovered,
        converged,
        async stop() {
            tell(outcomes);
            await Promise.all([production.stop(), replica.stop()]);
        },
    };
}

/** The status and the sentence of a run agree, and no password is in what a run says. */
export function expectTruth({ status, sentence, log }: Ending): void {
    const beginning = {
        [exitStatus.refused]: /^Refused, and nothing was changed: \S/,
        [exitStatus.failed]: /^(Failed: \S|The run was stopped)/,
    };
    // Who is killed has said nothing, or was killed after it had said that it is done.
    const expected = status === null ? /^(?!Refused|Failed|The run)/ : beginning[status as keyof typeof beginning];
    expect(sentence).toMatch(expected ?? /\S/);
    expect(sentence).not.toContain("\n");
    for (const secret of ["super secret", loginPassword]) {
        expect(sentence + log).not.toContain(secret);
    }
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
