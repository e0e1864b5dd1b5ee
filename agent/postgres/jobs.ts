import { availableParallelism } from "node:os";
import type { DatabasePlan } from "../../contract";

/** How many connections work on a database at once. */
export function jobsOf({ jobs }: Pick<DatabasePlan, "jobs">): number {
    return jobs ?? Math.min(8, Math.max(2, availableParallelism()));
}
