import { expect, test } from "vitest";
import { Pace } from "../../agent/media/pace";

/** Calls that take so many milliseconds of the processor. */
class Timed extends Pace {
    async call(time: number): Promise<"at once" | "in a thread"> {
        return this.make<"at once" | "in a thread">(
            () => {
                for (const end = performance.now() + time; performance.now() < end; );
                return "at once";
            },
            async () => "in a thread",
        );
    }
}

test("calls are made at once, also after some that had to wait for the processor", async () => {
    const calls = new Timed();
    for (let n = 0; n < 8; n++) {
        await calls.call(4);
    }
    expect(await calls.call(0.01)).toBe("at once");
    expect(calls.near).toBe(true);
});

test("calls are not made at once as soon as many in a row take long, until it is quick again", async () => {
    const calls = new Timed();
    for (let n = 0; n < 50; n++) {
        await calls.call(2);
    }
    expect(await calls.call(2)).toBe("in a thread");
    for (let n = 0; n < 5000; n++) {
        await calls.call(0.01);
    }
    expect(await calls.call(0.01)).toBe("at once");
});
