import { readFileSync } from "node:fs";
import { loginRole, type Plan } from "../../contract";
import type { Replica } from "../../test/postgres/replica";

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
    let timer: NodeJS.Timeout | undefined;
    const started = ({ pid = 0 }: { pid?: number }) => {
        timer = setInterval(() => {
            if (memory !== undefined) {
                memory.peak = Math.max(memory.peak, peakOf(pid));
            }
        }, 200);
    };
    try {
        expectDone(await replica.run("prepare-database", plan, { started }));
    } finally {
        clearInterval(timer);
    }
}

/** The most that a process has had in memory so far, in MiB. */
function peakOf(pid: number): number {
    try {
        return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
    } catch {
        return 0;
    }
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
