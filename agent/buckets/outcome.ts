import {
    type BucketCopy,
    type BucketOutcome,
    type BucketsEvent,
    type BucketsPlan,
    nameOfPlace,
} from "../../contract/buckets";
import { Refusal } from "../refusal";
import { formatBytes, log, plural } from "../report";
import { guard, look, type Sight } from "./look";

/** A copy for people. */
export function nameOfCopy({ description, from, to }: BucketCopy): string {
    return description ?? `${nameOfPlace(from)} to ${nameOfPlace(to)}`;
}

/**
 * Looks at a copy, lets the guards speak, and does something with it. What goes wrong is part of the outcome, so that the
 * other copies go on.
 */
export async function outcomeOf(
    copy: BucketCopy,
    plan: BucketsPlan,
    signal: AbortSignal,
    work: (sight: Sight) => Promise<void>,
): Promise<BucketOutcome> {
    const started = performance.now();
    const outcome: BucketOutcome = {
        name: nameOfCopy(copy),
        from: nameOfPlace(copy.from),
        to: nameOfPlace(copy.to),
        seconds: 0,
        unknown: [],
    };
    let sight: Sight | undefined;
    let isGuarded = false;
    try {
        sight = await look(copy, plan, signal);
        const { adds, changes, deletes, source } = sight;
        Object.assign(outcome, { adds, changes, deletes });
        outcome.source = { objects: source.objects.length, bytes: source.bytes };
        outcome.unknown = await guard(sight, copy, plan, signal);
        isGuarded = true;
        await work(sight);
    } catch (error) {
        signal.throwIfAborted();
        outcome.problem = error instanceof Error ? error.message : String(error);
        outcome.refused = !isGuarded && error instanceof Refusal;
    } finally {
        sight?.close();
    }
    return { ...outcome, seconds: secondsSince(started) };
}

/** Tells programs on one line. */
export function tellOutcomes(event: BucketsEvent["event"], copies: BucketOutcome[], started: number): void {
    log(JSON.stringify({ event, copies, seconds: secondsSince(started) } satisfies BucketsEvent));
}

/**
 * Ends a run in which copies went wrong, each by name.
 *
 * @throws {Refusal} when none of the others has begun
 * @throws {Error} when some have
 */
export function refuseProblems(outcomes: BucketOutcome[]): void {
    const bad = outcomes.filter(({ problem }) => problem !== undefined);
    if (bad.length === 0) {
        return;
    }
    const share =
        outcomes.length === 1 ? "" : `${bad.length} of ${plural(outcomes.length, "copy").replace(/copys$/, "copies")} `;
    const problems = bad.map(({ name, problem }) => `${name}: ${problem?.replace(/\.$/, "")}`).join("; ");
    const sentence =
        share === ""
            ? `${problems}.`
            : `${share}${bad.length === 1 ? "has" : "have"} failed, and the others are done: ${problems}.`;
    throw bad.length === outcomes.length && bad.every(({ refused }) => refused)
        ? new Refusal(sentence)
        : new Error(sentence);
}

/** What a copy does, or has done, in figures. */
export function describeOutcome({ adds, changes, deletes, source }: BucketOutcome): string {
    const kinds = { "to add": adds, "to change": changes, "to delete": deletes };
    const parts = Object.entries(kinds).flatMap(([what, amount]) =>
        amount === undefined || amount.objects === 0
            ? []
            : [
                  `${amount.objects.toLocaleString("en-US")} ${what} (${formatBytes(amount.bytes)}: ${listed(amount.examples, amount.objects)})`,
              ],
    );
    const all = `${plural(source?.objects ?? 0, "object")}, ${formatBytes(source?.bytes ?? 0)}`;
    return parts.length === 0 ? `nothing to do; ${all}` : `${parts.join(", ")}; ${all} in the source`;
}

function listed(examples: string[], objects: number): string {
    const more = objects > examples.length ? ", …" : "";
    return `${examples.map((name) => JSON.stringify(name)).join(", ")}${more}`;
}

function secondsSince(start: number): number {
    return Math.round(performance.now() - start) / 1000;
}
