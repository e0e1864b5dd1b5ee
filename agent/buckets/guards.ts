import type { BucketCopy, BucketsPlan } from "../../contract/buckets";
import { isWithin, nameOfPlace } from "../../contract/buckets";
import { Refusal } from "../refusal";
import { plural } from "../report";

/**
 * Refuses a copy whose target is a source, of this copy or of another.
 *
 * @throws {Refusal}
 */
export function refuseSource({ to }: BucketCopy, { copies }: Pick<BucketsPlan, "copies">): void {
    const source = copies.find(({ from }) => isWithin(to, from) || isWithin(from, to));
    if (source !== undefined) {
        throw new Refusal(
            `The target ${nameOfPlace(to)} and the source ${nameOfPlace(source.from)} lie within one another: name a place ` +
                "for the copy alone.",
        );
    }
}

/**
 * Refuses a source with too few objects to be what it should be.
 *
 * @throws {Refusal}
 */
export function refuseFewObjects(objects: number, { from, minimumObjects }: BucketCopy): void {
    if (objects < minimumObjects) {
        const held = objects === 0 ? "is empty" : `holds ${plural(objects, "object")}`;
        throw new Refusal(
            `The source ${nameOfPlace(from)} ${held}, and minimumObjects is ${minimumObjects}: look whether bucket and ` +
                "prefix are right, and whether source and target are swapped.",
        );
    }
}

/**
 * Refuses a target that would lose too much.
 *
 * @param present objects that it has now
 * @throws {Refusal}
 */
export function refuseDeletions(deletes: number, present: number, { to, maximumDeletions }: BucketCopy): void {
    const share = (100 * deletes) / Math.max(present, 1);
    if (share > maximumDeletions) {
        throw new Refusal(
            `${deletes.toLocaleString("en-US")} of the ${plural(present, "object")} of the target ${nameOfPlace(to)} ` +
                `(${Math.ceil(share)} %) would be deleted, and maximumDeletions is ${maximumDeletions} %: look whether ` +
                `they are to be gone, and if so set maximumDeletions to ${Math.ceil(share)}.`,
        );
    }
}

/** Objects of a target that may be deleted. */
export function mostDeletions(present: number, { maximumDeletions }: BucketCopy): number {
    return Math.floor((present * maximumDeletions) / 100);
}
