import type { ChildProcess } from "node:child_process";
import { loginRole, type Plan } from "../../contract";
import type { Replica } from "../../test/postgres/replica";
import { notePeak } from "../measure";

/** An id that follows from a round's name. */
export function idOf(round: string): string {
    return Buffer.from(round.padEnd(5, "0")).toString("hex").slice(-10);
}

export function planFor(
    replica: Replica,
    store: string,
    id: string,
    stamp: string,
    change: (plan: Plan) => void = () => undefined,
): Plan {
    return replica.plan(id, idOf("media"), (plan) => {
        plan.database.capacity = 2 ** 36;
        plan.database.backups = store;
        plan.database.backup = stamp;
        // What the publisher's workload runs.
        plan.imageTag = "2026.10.1";
        change(plan);
    });
}

export async function prepared(replica: Replica, plan: Plan, memory?: { peak: number }): Promise<void> {
    const started = (child: ChildProcess) => {
        if (memory !== undefined) {
            notePeak(child, memory);
        }
    };
    expectDone(await replica.run("prepare-database", plan, { started }));
}

export async function removed({ server }: Replica, id: string): Promise<void> {
    await server.query("postgres", `drop database shop__${id}`);
    await server.query("postgres", `drop role "${loginRole([{ name: "shop" }], id)}"`);
    await server.query("postgres", `delete from understudy.generation where id = '${id}'`);
}

export function expectDone({ status, sentence }: { status: number | null; sentence: string }): void {
    if (status !== 0) {
        throw new Error(sentence);
    }
}
