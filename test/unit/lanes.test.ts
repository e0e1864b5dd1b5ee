import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { inParallel, Lanes, Width, widest } from "../../agent/media/lanes";

const never = new AbortController().signal;

/** The width that is reached when so much gets done in a millisecond with so many lanes. */
function widthOf(rate: (lanes: number) => number): number {
    return foundBy(rate).value;
}

function foundBy(rate: (lanes: number) => number): Width {
    const width = new Width();
    let now = performance.now();
    for (let n = 0; n < 20_000; n++) {
        now += 1 / rate(width.value);
        width.note(1, now);
    }
    return width;
}

describe("the width", () => {
    test("of a far file system, where everything waits, grows to the most there may be", () => {
        expect(widthOf((lanes) => lanes / 20)).toBe(widest);
    });

    test("of a near one, where more lanes get no more done, stays as it is", () => {
        expect(widthOf(() => 10)).toBeLessThanOrEqual(8);
    });

    test("stops where the other side takes no more", () => {
        expect(widthOf((lanes) => Math.min(lanes, 32) / 2)).toBeLessThanOrEqual(64);
        expect(widthOf((lanes) => Math.min(lanes, 32) / 2)).toBeGreaterThanOrEqual(32);
    });

    test("is found although a trial has met a lull", () => {
        const width = new Width();
        let now = performance.now();
        for (let n = 0; n < 20_000; n++) {
            now += n > 8 && n < 24 ? 100 : 20 / width.value;
            width.note(1, now);
        }
        expect(width.value).toBe(widest);
    });

    test("that was found for some work is where more of it begins", async () => {
        const width = foundBy((lanes) => lanes / 20);
        let begun = 0;
        const more = async (_: number, wide: number) => {
            begun = wide;
        };
        await inParallel([1], more, never, { width });
        expect(begun).toBe(widest);
    });
});

describe("lanes", () => {
    test("have no more under way than there are", async () => {
        let running = 0;
        const seen: { running: number; wide: number }[] = [];
        await inParallel(
            Array.from({ length: 40 }),
            async (_, wide) => {
                running += 1;
                seen.push({ running, wide });
                await sleep(1);
                running -= 1;
            },
            never,
        );
        expect(seen.filter(({ running, wide }) => running > wide)).toEqual([]);
        // All of them are used.
        expect(seen.some(({ running, wide }) => running === wide)).toBe(true);
    });

    test("tell the first error, and not before all have ended", async () => {
        let ended = 0;
        const work = async (n: number) => {
            await sleep(n === 0 ? 1 : 30);
            ended += 1;
            if (n === 0) {
                throw new Error("the first");
            }
        };
        await expect(inParallel([0, 1, 2, 3, 4, 5, 6, 7], work, never)).rejects.toThrow("the first");
        expect(ended).toBe(4);
    });

    test("begin nothing more once they are stopped", async () => {
        const stop = new AbortController();
        const lanes = new Lanes(stop.signal);
        await lanes.start(() => sleep(5));
        stop.abort(new Error("stopped"));
        await expect((async () => lanes.start(() => sleep(1)))()).rejects.toThrow("stopped");
        await expect(lanes.end()).rejects.toThrow("stopped");
    });
});
