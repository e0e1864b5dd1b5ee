import type { BucketOutcome, BucketsPlan } from "../../contract/buckets";
import { Refusal } from "../refusal";
import { formatAge, formatBytes, log, Phases, plural } from "../report";
import { bring } from "./bring";
import { describeOutcome, nameOfCopy, outcomeOf, refuseProblems, tellOutcomes } from "./outcome";

/**
 * Tells what {@link copyBuckets} would do. Nothing is changed.
 *
 * @throws {Refusal} when it would refuse one of the copies, after all of them were told of
 */
export async function planBuckets(plan: BucketsPlan, signal: AbortSignal): Promise<string> {
    const started = performance.now();
    const outcomes: BucketOutcome[] = [];
    for (const copy of plan.copies) {
        const outcome = await outcomeOf(copy, plan, signal, async () => undefined);
        outcomes.push(outcome);
        log(
            `${outcome.name}: ${outcome.source === undefined ? "" : `${describeOutcome(outcome)}. `}${remarks(outcome)}`,
        );
    }
    tellOutcomes("buckets-planned", outcomes, started);
    const refused = outcomes.filter(({ problem }) => problem !== undefined);
    if (refused.length > 0) {
        throw new Refusal(refused.map(({ name, problem }) => `${name}: ${problem}`).join(" "));
    }
    const total = (kind: "adds" | "changes" | "deletes") =>
        outcomes.reduce((sum, outcome) => sum + (outcome[kind]?.objects ?? 0), 0).toLocaleString("en-US");
    return (
        `${copies(outcomes.length)} would add ${total("adds")}, change ${total("changes")} and delete ` +
        `${total("deletes")} objects; nothing was changed.`
    );
}

/**
 * Makes every target what its source is. One that cannot be is told of in the end, and keeps none of the others from it.
 *
 * @throws {Refusal} when none of them has begun
 * @throws {Error} with every copy that failed, by name
 */
export async function copyBuckets(plan: BucketsPlan, signal: AbortSignal): Promise<string> {
    const started = performance.now();
    const phases = new Phases();
    const outcomes: BucketOutcome[] = [];
    for (const copy of plan.copies) {
        const { stack, parallelism } = plan;
        const outcome = await phases.run(`copy ${nameOfCopy(copy)}`, (watch) =>
            outcomeOf(copy, plan, signal, (sight) => bring(sight, copy, { stack, parallelism, signal, watch })),
        );
        outcomes.push(outcome);
        log(
            `${outcome.name}: ${outcome.problem ?? `${done(outcome)} in ${formatAge(outcome.seconds)}. ${remarks(outcome)}`}`,
        );
    }
    tellOutcomes("buckets-copied", outcomes, started);
    refuseProblems(outcomes);
    const bytes = outcomes.reduce((sum, { source }) => sum + (source?.bytes ?? 0), 0);
    const objects = outcomes.reduce((sum, { source }) => sum + (source?.objects ?? 0), 0);
    return (
        `${copies(outcomes.length)} hold ${plural(objects, "object")}, ${formatBytes(bytes)}, each proven to be what its ` +
        `source has, after ${formatAge(phases.total)}. ${outcomes.map((one) => `${one.name}: ${done(one)}.`).join(" ")}`
    );
}

function done({ adds, changes, deletes }: BucketOutcome): string {
    const figure = (amount: BucketOutcome["adds"]) => (amount?.objects ?? 0).toLocaleString("en-US");
    const moved = formatBytes((adds?.bytes ?? 0) + (changes?.bytes ?? 0));
    return `${figure(adds)} added, ${figure(changes)} replaced (${moved}), ${figure(deletes)} removed`;
}

function remarks({ unknown, problem }: BucketOutcome): string {
    return [...unknown.map((text) => `Not known: ${text}.`), ...(problem === undefined ? [] : [problem])].join(" ");
}

function copies(number: number): string {
    return number === 1 ? "1 copy of a bucket" : `${number} copies of buckets`;
}
