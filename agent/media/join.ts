import { Spool } from "./spool";

/** Items of a list that are kept in memory at once. */
const some = 30_000;

/** A list that can be gone through again. */
export interface List<T> extends Iterable<T> {
    length: number;
}

/**
 * Goes through a list, together with what others know under the same keys, in parts that fit into memory.
 *
 * @param key what belongs together
 */
export function* joined<T, K>(
    items: List<T>,
    others: List<K>[],
    key: (item: T | K) => string,
): Generator<{ items: Iterable<T>; known: Map<string, K>[] }> {
    const parts = Math.ceil(Math.max(items.length, ...others.map(({ length }) => length)) / some);
    const mapOf = (list: Iterable<K>) => new Map([...list].map((item) => [key(item), item]));
    if (parts <= 1) {
        yield { items, known: others.map(mapOf) };
        return;
    }
    const pieces = apart(items, parts, key);
    const otherPieces = others.map((list) => apart(list, parts, key));
    try {
        for (const [at, piece] of pieces.entries()) {
            yield { items: piece, known: otherPieces.map((list) => mapOf(list[at] as Spool<K>)) };
        }
    } finally {
        for (const spool of [pieces, ...otherPieces].flat()) {
            spool.close();
        }
    }
}

function apart<T>(items: Iterable<T>, parts: number, key: (item: T) => string): Spool<T>[] {
    const spools = Array.from({ length: parts }, () => new Spool<T>());
    for (const item of items) {
        spools[number(key(item)) % parts]?.add(item);
    }
    return spools;
}

/** A whole number that follows from a text and is as good as random (FNV-1a). */
export function number(text: string): number {
    let hash = 0x811c9dc5;
    for (let at = 0; at < text.length; at++) {
        hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    }
    return hash >>> 0;
}
