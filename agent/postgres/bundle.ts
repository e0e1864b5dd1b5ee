/** A piece of work whose share of the whole is known about, in any unit. */
export interface Weighed {
    weight: number;
}

/** Bundles for each connection: enough that the last one to end is short, and few enough that starting them costs little. */
const bundlesEach = 16;

/**
 * Ties small pieces of work together, so that each bundle is worth a connection of its own: the heaviest first. A piece
 * that is heavy enough stays alone.
 *
 * @param jobs connections that work on them at once
 */
export function bundled<T extends Weighed>(work: T[], jobs: number): T[][] {
    const total = work.reduce((sum, { weight }) => sum + weight, 0);
    const least = total / (jobs * bundlesEach);
    const bundles: T[][] = [];
    let size = Number.POSITIVE_INFINITY;
    for (const one of work.toSorted((a, b) => b.weight - a.weight)) {
        if (size >= least) {
            bundles.push([]);
            size = 0;
        }
        bundles.at(-1)?.push(one);
        size += one.weight;
    }
    return bundles;
}
