import type { BucketCopy, BucketsPlan } from "../../contract/buckets";
import { Spool } from "../media/spool";
import { Refusal } from "../refusal";
import { type Difference, differences, Tally } from "./difference";
import { refuseExposed } from "./exposure";
import { refuseDeletions, refuseFewObjects, refuseSource } from "./guards";
import { type Listing, listSide } from "./listing";
import { refuseForeign } from "./marker";
import { openSide, type Side } from "./side";

/** A copy as it was found, with what is to be done. */
export interface Sight {
    from: Side;
    to: Side;
    source: Listing;
    target: Listing;
    adds: Tally;
    changes: Tally;
    deletes: Tally;
    /** What rclone by itself takes for the same, though it is not known to be. */
    unseen: Spool<string>;
    /** What cannot be proven by a hash once it was copied: the source has none. */
    unproven: Spool<string>;
    close(): void;
}

/**
 * Looks at a copy. Nothing is changed.
 *
 * @throws {Refusal} when an identity is missing, or a side cannot be listed
 */
export async function look(copy: BucketCopy, plan: BucketsPlan, signal: AbortSignal): Promise<Sight> {
    refuseSource(copy, plan);
    const from = await openSide("from", copy.from, plan.rclone);
    const to = await openSide("to", copy.to, plan.rclone);
    return lookBetween(from, to, signal);
}

/** The same of two sides to which the way is known. */
export async function lookBetween(from: Side, to: Side, signal: AbortSignal): Promise<Sight> {
    const sight: Sight = {
        ...{ from, to, ...(await listBoth(from, to, signal)) },
        ...{ adds: new Tally(), changes: new Tally(), deletes: new Tally() },
        ...{ unseen: new Spool<string>(), unproven: new Spool<string>() },
        close() {
            for (const spool of [this.source.objects, this.target.objects, this.unseen, this.unproven]) {
                spool.close();
            }
        },
    };
    for (const difference of differences(sight.source.objects, sight.target.objects)) {
        note(sight, difference);
    }
    return sight;
}

/**
 * Lets the guards speak. Nothing is changed.
 *
 * @returns what nobody could tell, as sentences
 * @throws {Refusal}
 */
export async function guard(
    { source, target, to, deletes }: Sight,
    copy: BucketCopy,
    { stack }: BucketsPlan,
    signal: AbortSignal,
): Promise<string[]> {
    refuseFewObjects(source.objects.length, copy);
    await refuseForeign(to, target, stack, copy);
    refuseDeletions(deletes.objects, target.objects.length, copy);
    return refuseExposed(to, signal);
}

/**
 * Lists both sides at once.
 *
 * @throws {Refusal} when one of them cannot be listed
 */
async function listBoth(from: Side, to: Side, signal: AbortSignal) {
    const [source, target] = await Promise.allSettled(
        (
            [
                [from, "source"],
                [to, "target"],
            ] as const
        ).map(([side, what]) =>
            listSide(side, signal).catch((error: Error) => {
                signal.throwIfAborted();
                throw new Refusal(`The ${what} cannot be listed: ${error.message}.`);
            }),
        ),
    );
    if (source?.status === "fulfilled" && target?.status === "fulfilled") {
        return { source: source.value, target: target.value };
    }
    for (const side of [source, target]) {
        if (side?.status === "fulfilled") {
            side.value.objects.close();
        }
    }
    throw [source, target].find((side) => side?.status === "rejected")?.reason;
}

function note(sight: Sight, { kind, object, isUnseen }: Difference): void {
    sight[kind === "add" ? "adds" : kind === "change" ? "changes" : "deletes"].add(object);
    if (isUnseen) {
        sight.unseen.add(object.path);
    }
    if (kind !== "delete" && object.md5 === undefined) {
        sight.unproven.add(object.path);
    }
}
