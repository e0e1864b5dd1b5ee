/** Values that must not be kept: told from others by their hash alone. */
import { createHash } from "node:crypto";

/** The value of a key of a Secret, without the value. */
export interface Fingerprint {
    secret: string;
    key: string;
    /** SHA-256. */
    digest: string;
    /** Characters. */
    length: number;
}

/** Shorter values stand in other texts by chance. */
const shortest = 8;

/** A value's fingerprint; undefined if it is too short to be told from others. */
export function fingerprintOf(secret: string, key: string, value: string): Fingerprint | undefined {
    const text = value.trim();
    return text.length < shortest ? undefined : { secret, key, digest: digestOf(text), length: text.length };
}

/**
 * The first of these values that a text holds: as the whole of it, or as a part that no letter, digit, dash or dot goes on
 * from, as the password in an address; there it may be percent-encoded.
 */
export function heldIn(text: string, values: Fingerprint[]): Fingerprint | undefined {
    const byDigest = new Map(values.map((value) => [value.digest, value]));
    const lengths = [...new Set(values.map(({ length }) => length))];
    for (const form of new Set([text, decoded(text)])) {
        for (const part of partsOf(form, lengths)) {
            const found = byDigest.get(digestOf(part));
            if (found !== undefined) {
                return found;
            }
        }
    }
    return undefined;
}

function* partsOf(text: string, lengths: number[]): Generator<string> {
    const isEdge = (at: number) => at < 0 || at >= text.length || !/[\w.-]/.test(text.charAt(at));
    for (const length of lengths) {
        for (let start = 0; start + length <= text.length; start++) {
            if (isEdge(start - 1) && isEdge(start + length)) {
                yield text.slice(start, start + length);
            }
        }
    }
}

function decoded(text: string): string {
    return text.replace(/(%[0-9a-f]{2})+/gi, (part) => {
        try {
            return decodeURIComponent(part);
        } catch {
            return part;
        }
    });
}

function digestOf(text: string): string {
    return createHash("sha256").update(text).digest("hex");
}
