import type { BucketOutcome, BucketsPlan } from "../../contract/buckets";
import { formatAge, log, Phases } from "../report";
import { bring } from "./bring";
import { buckets, describeDone, describePlanned, nameOfCopy, refuseProblems, totalOf } from "./figures";
import { outcomeOf, tellOutcomes } from "./outcome";

/**
 * Tells what {@link copyBuckets} would do. Nothing is changed.
 *
 * @throws when a copy would be refused, after all of them were told of
 */
export async function planBuckets(plan: BucketsPlan, signal: AbortSignal): Promise<string> {
    const started = performance.now();
    const outcomes: BucketOutcome[] = [];
    for (const copy of plan.copies) {
        const outcome = await outcomeOf(copy, plan, signal, async () => undefined);
        outcomes.push(outcome);
        log(describePlanned(outcome));
    }
    tellOutcomes("buckets-planned", outcomes, started);
    refuseProblems(outcomes, "would be refused");
    const [adds, changes, deletes] = (["adds", "changes", "deletes"] as const).map((kind) => totalOf(outcomes, kind));
    return `A copy of ${buckets(outcomes)} would add ${adds}, replace ${changes} and delete ${deletes}; nothing was changed.`;
}

/**
 * Makes every target what its source is. One that cannot be is told of in the end, and keeps none of the others from it.
 *
 * @throws {Refusal} when none of them has begun
 * @throws {Error} with every copy that failed, by name
 */
export async function copyBuckets(plan: BucketsPlan, signal: AbortSignal): Promise<string> {
    const { stack, parallelism } = plan;
    const started = performance.now();
    const phases = new Phases();
    const outcomes: BucketOutcome[] = [];
    for (const copy of plan.copies) {
        const outcome = await phases.run(`copy ${nameOfCopy(copy)}`, (watch) =>
            outcomeOf(copy, plan, signal, (sight) => bring(sight, copy, { stack, parallelism, signal, watch })),
        );
        outcomes.push(outcome);
        log(describeDone(outcome));
    }
    tellOutcomes("buckets-copied", outcomes, started);
    refuseProblems(outcomes, "failed");
    const figures = outcomes.map(describeDone).join(" ");
    return `Copied ${buckets(outcomes)} in ${formatAge(phases.total)}, each proven to be what its source has. ${figures}`;
}
