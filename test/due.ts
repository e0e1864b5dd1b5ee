/** One of so many long files, and of so many cases of a long table, is taken by an ordinary run. */
export const share = 4;

/** Those that are taken on a day, in their order: at least one, and each within as many days as `share`. */
export function dueOn<T>(day: number, all: readonly T[]): T[] {
    const turns = Array.from({ length: Math.ceil(all.length / share) }, (_, at) => (day + at * share) % all.length);
    return all.filter((_, at) => turns.includes(at));
}

/** Those that this run takes: all, unless UNDERSTUDY_TEST_DAY says whose day it is, in days since 1970. */
export function due<T>(all: readonly T[]): readonly T[] {
    const day = process.env.UNDERSTUDY_TEST_DAY;
    return day === undefined ? all : dueOn(Number(day), all);
}
