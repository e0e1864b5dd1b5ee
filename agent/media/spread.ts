import { split } from "./name";

/** Items that are held back at most, until there are enough folders to choose from. */
const most = 16_384;

/** Folders that are taken turns with at most: as many as are kept open without effort. */
const turns = 128;

/**
 * Items in another order: those that follow one another are in different folders. The system makes one name in a folder at
 * a time, so that where each takes a while, much gets done at once in many folders only.
 *
 * @param isWanted whether this is worth it; items come as they are if not, which suits a near disk
 */
export function* spread<T extends { path: string }>(items: Iterable<T>, isWanted: () => boolean): Generator<T> {
    const folders = new Map<string, T[]>();
    let held = 0;
    for (const item of items) {
        if (held === 0 && !isWanted()) {
            yield item;
            continue;
        }
        const [folder] = split(item.path);
        const others = folders.get(folder);
        if (others === undefined) {
            folders.set(folder, [item]);
        } else {
            others.push(item);
        }
        held += 1;
        if (held === most) {
            yield* turn();
        }
    }
    while (held > 0) {
        yield* turn();
    }

    /** One item of each of the folders that came first. */
    function* turn(): Generator<T> {
        for (const [folder, some] of [...folders].slice(0, turns)) {
            const item = some.pop() as T;
            if (some.length === 0) {
                folders.delete(folder);
            }
            held -= 1;
            yield item;
        }
    }
}
