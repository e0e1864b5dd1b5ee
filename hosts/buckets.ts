/** Bucket copies, which the machine that runs Pulumi makes: what it is told, and the agent as a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BucketKeys, type BucketOutcome, type BucketsPlan, bucketsEvent } from "../contract/buckets";
import { type Run, startRun } from "./agent";
import type { Order } from "./order";

/** What there is to be copied. It holds secrets. */
export interface BucketsOrder {
    plan: BucketsPlan;
    /** By the path of the file that the plan calls them. */
    keys: Record<string, BucketKeys>;
}

const here = "the machine that runs Pulumi";

/** Copies all of them. */
export async function copyBuckets(order: Order, say: (line: string) => void): Promise<string> {
    return (await started(order, "copy-buckets", say)).ended;
}

/** What copies would do; it changes nothing. */
export async function planBuckets(order: Order): Promise<BucketOutcome[]> {
    const outcomes: BucketOutcome[] = [];
    const listen = (line: string) => {
        try {
            outcomes.push(...bucketsEvent.parse(JSON.parse(line)).copies);
        } catch {
            // A line for people.
        }
    };
    await (await started(order, "plan-buckets", listen)).ended.catch((error: Error) => {
        // What speaks against a copy stands beside it.
        if (outcomes.length === 0) {
            throw error;
        }
    });
    return outcomes;
}

async function started(order: Order, command: string, say: (line: string) => void): Promise<Run> {
    const folder = mkdtempSync(join(tmpdir(), "understudy-buckets-"));
    const program = join(folder, "agent.cjs");
    writeFileSync(program, order.program, { mode: 0o600 });
    const { plan, keys } = order.buckets ?? { plan: undefined, keys: {} };
    const secrets = Object.fromEntries(Object.entries(keys).map(([file, key]) => [file, JSON.stringify(key)]));
    const run = startRun([process.execPath, program, command], { host: here, plan, secrets, say });
    const gone = () => rmSync(folder, { recursive: true, force: true });
    run.ended.then(gone, gone);
    return run;
}
