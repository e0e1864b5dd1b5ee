import {
    type BucketCopy,
    type BucketOutcome,
    type BucketsEvent,
    type BucketsPlan,
    nameOfPlace,
} from "../../contract/buckets";
import { Refusal } from "../refusal";
import { log } from "../report";
import { nameOfCopy } from "./figures";
import { guard, look, type Sight } from "./look";

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

function secondsSince(start: number): number {
    return Math.round(performance.now() - start) / 1000;
}
