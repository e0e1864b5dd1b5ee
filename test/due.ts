/** One of so many long files, and of so many cases of a long table, is taken by an ordinary run. */
export const share = 4;

/** Days since 1970, in UTC; undefined if everything is asked for, of which dev/test.ts tells. */
const today = process.env.UNDERSTUDY_TEST_EVERY === undefined ? Math.floor(Date.now() / 86_400_000) : undefined;

/** Those that are taken on a day, in their order: at least one, and each within as many days as `share`. */
export function dueOn<T>(day: number, all: readonly T[]): T[] {
    const turns = Array.from({ length: Math.ceil(all.length / share) }, (_, at) => (day + at * share) % all.length);
    return all.filter((_, at) => turns.includes(at));
}

/** Those that this run takes: `npm test -- --every` takes all, and so does a run of files that are named. */
export function due<T>(all: readonly T[]): readonly T[] {
    return today === undefined ? all : dueOn(today, all);
}
