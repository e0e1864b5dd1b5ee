/** Bucket copies and uploads of dumps, which the machine that runs Pulumi makes: what it is told, and the agent as a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
    type BucketKeys,
    type BucketOutcome,
    type BucketsPlan,
    bucketsEvent,
    type UploadsPlan,
} from "../contract/buckets";
import { type Run, startRun } from "./agent";
import type { Order } from "./order";

/** What a run is told of buckets. It holds secrets. */
interface Told<Plan> {
    plan: Plan;
    /** By the path of the file that the plan calls them. */
    keys: Record<string, BucketKeys>;
}

/** What there is to be copied. */
export type BucketsOrder = Told<BucketsPlan>;

/** Where dumps go. */
export type UploadsOrder = Told<UploadsPlan>;

const here = "the machine that runs Pulumi";

/** Copies all of them. */
export async function copyBuckets(order: Order, say: (line: string) => void): Promise<string> {
    return started(order, "copy-buckets", order.buckets, say).ended;
}

/** Begins to upload the backup that is written to its input. */
export function uploadDumps(order: Order, told: UploadsOrder, say: (line: string) => void): Run {
    return started(order, "upload-dumps", told, say);
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
    await started(order, "plan-buckets", order.buckets, listen).ended.catch((error: Error) => {
        // What speaks against a copy stands beside it.
        if (outcomes.length === 0) {
            throw error;
        }
    });
    return outcomes;
}

function started(
    { program }: Order,
    command: string,
    told: Told<unknown> = { plan: undefined, keys: {} },
    say: (line: string) => void,
): Run {
    const folder = mkdtempSync(join(tmpdir(), "understudy-buckets-"));
    const path = join(folder, "agent.cjs");
    writeFileSync(path, program, { mode: 0o600 });
    const { plan, keys } = told;
    const secrets = Object.fromEntries(Object.entries(keys).map(([file, key]) => [file, JSON.stringify(key)]));
    const run = startRun([process.execPath, path, command], { host: here, plan, secrets, say });
    const gone = () => rmSync(folder, { recursive: true, force: true });
    run.ended.then(gone, gone);
    return run;
}
