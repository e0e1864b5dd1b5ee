import type { Plan } from "../../contract";
import { type DatabaseReport, databaseReport } from "../../contract/report";
import type { Replica } from "../../test/postgres/replica";
import { median, rounds, taken } from "../measure";
import { expectDone, idOf, planFor, prepared, removed } from "./copies";

/** What it takes to make further copies once there is a base. */
export interface NextCopies {
    /** Median seconds of a copy of the same backup, and where they go. */
    clone: number;
    cloned: string;
    /** The same of a copy of a later backup, of which a twentieth is in other tables. */
    reload: number;
    reloaded: string;
    /** The last clone, which is proven and not in use yet. */
    last: Plan;
    /** MiB that the agent has had in memory for the first copy, which was restored. */
    memory: number;
}

/**
 * Makes a first copy and puts it into use, then the next ones.
 *
 * @param stamps of a backup, and of one in which a twentieth is in other tables
 */
export async function nextCopies(
    replica: Replica,
    store: string,
    { from, to }: { from: string; to: string },
): Promise<NextCopies> {
    const withBase = (id: string, stamp: string) =>
        planFor(replica, store, idOf(id), stamp, (plan) => {
            plan.database.keepBase = true;
        });
    const memory = { peak: 0 };
    const first = withBase("first", from);
    await prepared(replica, first, memory);
    expectDone(await replica.run("prepare-media", first));
    expectDone(await replica.run("switch", first));

    const reload = await timed((round) => withBase(`reload ${round}`, to));
    const reloaded = await reportOf(`reload ${rounds - 1}`);
    if (reloaded.reloaded?.join() !== "public.pgbench_history") {
        throw new Error(`The tables that were reloaded are ${reloaded.reloaded?.join(", ") ?? "all"}.`);
    }
    const clone = await timed((round) => withBase(`clone ${round}`, from));
    return {
        ...{ clone, cloned: phasesOf(await reportOf(`clone ${rounds - 1}`)) },
        ...{ reload, reloaded: phasesOf(reloaded) },
        last: withBase(`clone ${rounds - 1}`, from),
        memory: memory.peak,
    };

    /** Seconds that copies take, one after the other; the last one stays. */
    async function timed(planOf: (round: number) => Plan): Promise<number> {
        const times: number[] = [];
        for (let round = 0; round < rounds; round++) {
            const plan = planOf(round);
            times.push((await taken(() => prepared(replica, plan))).seconds);
            if (round < rounds - 1) {
                await removed(replica, plan.database.generation);
            }
        }
        return median(times);
    }

    async function reportOf(round: string): Promise<DatabaseReport> {
        const query = `select report from understudy.generation where id = '${idOf(round)}'`;
        const [row] = await replica.server.query("postgres", query);
        return databaseReport.parse(row?.report);
    }
}

/** Where the time of a copy has gone: `clone 0.05 s, prove 1.20 s`. */
function phasesOf({ phases }: DatabaseReport): string {
    return phases.map(({ name, seconds }) => `${name} ${seconds.toFixed(2)} s`).join(", ");
}
