/** Which backups a store keeps. Pure: what a tier holds goes in, what is to be done comes out. */
import { type Tier, tiers } from "../../contract/manifest";

/** What one run of the schedule has made: the backups of one stamp in one tier. */
export interface Kept {
    stamp: string;
    /** The stamp as milliseconds since 1970. */
    time: number;
    /** Whether all of them can still be restored, as far as a look at them tells. */
    good: boolean;
}

const hour = 3_600_000;

/** What lies between two of a tier's, at least, in milliseconds. */
const distance: Record<Exclude<Tier, "hourly">, number> = { daily: 24 * hour, weekly: 168 * hour, monthly: 720 * hour };

/** Schedules do not keep the second, and what is a moment short of a day is a day old. */
const slack = hour / 4;

/**
 * What a tier takes over from the one below it: the oldest good run there, once that is a day, week or month younger than
 * the tier's newest.
 */
export function promoted<T extends Kept>(tier: keyof typeof distance, own: Kept[], below: T[]): T | undefined {
    const newest = Math.max(...own.map(({ time }) => time), Number.NEGATIVE_INFINITY);
    const oldest = below.filter(({ good }) => good).reduce<T | undefined>(older, undefined);
    return oldest !== undefined && oldest.time - newest >= distance[tier] - slack ? oldest : undefined;
}

function older<T extends Kept>(one: T | undefined, other: T): T {
    return one === undefined || other.time < one.time ? other : one;
}

/** What a tier no longer keeps: all beyond its number, the oldest ones, but never its last good one. */
export function pruned<T extends Kept>(own: T[], keep: number): T[] {
    const sorted = own.toSorted((a, b) => b.time - a.time);
    const beyond = sorted.slice(keep);
    const spared = sorted.slice(0, keep).some(({ good }) => good) ? undefined : beyond.find(({ good }) => good);
    return beyond.filter((one) => one !== spared);
}

/** The tiers that are used, each with the one that it takes over from. */
export function promotions(keep: Record<Tier, number>): { tier: keyof typeof distance; below: Tier }[] {
    const used = tiers.filter((tier) => keep[tier] > 0);
    return used.flatMap((tier, at) => {
        const below = used[at - 1];
        return tier === "hourly" || below === undefined ? [] : [{ tier, below }];
    });
}
