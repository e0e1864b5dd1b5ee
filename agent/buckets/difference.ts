import type { Amount } from "../../contract/buckets";
import { joined, type List } from "../media/join";
import { raw } from "../media/name";
import type { Found } from "./listing";

/** What an object of one side is to the other. */
export interface Difference {
    /** Not in the target; something else there; there alone. */
    kind: "add" | "change" | "delete";
    object: Found;
    /** Whether rclone takes the two for the same, because nobody knows the hash of either. */
    isUnseen?: true;
}

/** Examples that people are told. */
const few = 5;

const key = ({ path }: Found) => path;

/** In what a target is not what its source is. */
export function* differences(source: List<Found>, target: List<Found>): Generator<Difference> {
    for (const { items, known } of joined(source, [target], key)) {
        const rest = known[0] ?? new Map<string, Found>();
        for (const object of items) {
            const there = rest.get(object.path);
            rest.delete(object.path);
            if (there === undefined) {
                yield { kind: "add", object };
            } else if (!isCopy(object, there)) {
                yield { kind: "change", object, ...(isByTime(object, there) && { isUnseen: true }) };
            }
        }
        for (const object of rest.values()) {
            yield { kind: "delete", object };
        }
    }
}

/**
 * What is wrong in a target that was made while its source went on: an object has to be what the source had before, or
 * what it has after.
 */
export function* wrong(before: List<Found>, after: List<Found>, target: List<Found>): Generator<Found> {
    for (const { items, known } of joined(after, [before, target], key)) {
        const [had = new Map<string, Found>(), has = new Map<string, Found>()] = known;
        for (const object of items) {
            const earlier = had.get(object.path);
            const there = has.get(object.path);
            has.delete(object.path);
            const isRight =
                there === undefined
                    ? earlier === undefined
                    : isNewCopy(object, there) || (earlier !== undefined && isNewCopy(earlier, there));
            if (!isRight) {
                yield object;
            }
        }
        for (const there of has.values()) {
            const earlier = had.get(there.path);
            if (earlier === undefined || !isNewCopy(earlier, there)) {
                yield there;
            }
        }
    }
}

/** Whether an object is a copy of another: by hash, and by whether it is the younger one where that is not known. */
function isCopy(original: Found, copy: Found): boolean {
    return (
        original.size === copy.size &&
        (isByTime(original, copy) ? copy.time > original.time : original.md5 === copy.md5)
    );
}

/** The same of one that was just made, perhaps within the second, which is all that many servers tell of the time. */
function isNewCopy(original: Found, copy: Found): boolean {
    return isCopy(original, copy) || (isByTime(original, copy) && copy.time === original.time);
}

function isByTime(one: Found, other: Found): boolean {
    return one.size === other.size && (one.md5 === undefined || other.md5 === undefined);
}

/** Adds objects up. */
export class Tally implements Amount {
    objects = 0;
    bytes = 0;
    examples: string[] = [];

    add({ path, size }: Found): void {
        this.objects += 1;
        this.bytes += size;
        if (this.examples.length < few) {
            this.examples.push(raw(path).toString());
        }
    }
}
