import type { Soon } from "./after";

/** How many pieces of work may be under way at once. */
export const widest = 256;

/** Where every run begins: enough for the processors of a small node and a disk of its own. */
const narrowest = 4;

/** Milliseconds, and pieces of work for each lane, that a trial of a width takes at least. */
const trial = { time: 20, pieces: 2 };

/** By how much more has to get done with twice the lanes, so that they stay. */
const worthwhile = 1.25;

/** Milliseconds after which another width is tried again: soon at first, since a trial may have met a lull. */
const rest = { first: 125, last: 2_000 };

/** The width of a run: doubled as long as more gets done by it, so that a near disk keeps few lanes, and a far one gets many. */
export class Width {
    value = narrowest;
    private former = 0;
    private begun = performance.now();
    private done = 0;
    private pieces = 0;
    private until = 0;
    private rest = rest.first;

    /** Goes on with other work at the width that was found: what was done of the former says nothing about it. */
    resume(now = performance.now()): void {
        Object.assign(this, { former: 0, begun: now, done: 0, pieces: 0, until: 0, rest: rest.first });
    }

    /** Notes that a piece of work is done; what it weighs is how much there was to do. */
    note(weight: number, now = performance.now()): void {
        if (now < this.until) {
            return;
        }
        this.done += weight;
        this.pieces += 1;
        const time = now - this.begun;
        if (time < trial.time || this.pieces < trial.pieces * this.value) {
            return;
        }
        const rate = this.done / time;
        if (this.former === 0 || rate >= worthwhile * this.former) {
            const wider = Math.min(2 * this.value, widest);
            this.former = wider === this.value ? 0 : rate;
            this.until = wider === this.value ? now + rest.last : 0;
            this.value = wider;
        } else {
            this.value = Math.max(this.value / 2, narrowest);
            this.former = 0;
            this.until = now + this.rest;
            this.rest = Math.min(2 * this.rest, rest.last);
        }
        this.begun = Math.max(now, this.until);
        this.done = 0;
        this.pieces = 0;
    }
}

/** Pieces of work under way, as many at once as gets the most done. */
export class Lanes {
    private readonly errors: unknown[] = [];
    private readonly waiting: (() => void)[] = [];
    private running = 0;

    /** @param width what was found by other work on the same file systems; it is found anew if left out */
    constructor(
        private readonly signal: AbortSignal,
        private readonly width = new Width(),
    ) {
        width.resume();
    }

    /** How many may be under way at present. */
    get wide(): number {
        return this.width.value;
    }

    /**
     * Begins a piece of work: at once, or as soon as there is a lane for it. One that ends at once needs no lane.
     *
     * @param weight how much there is to do, in any unit
     * @throws what another piece has failed with, or the signal's reason
     */
    start(work: () => Soon<void>, weight = 1): Soon<void> {
        return this.running < this.width.value ? this.begin(work, weight) : this.startLater(work, weight);
    }

    private async startLater(work: () => Soon<void>, weight: number): Promise<void> {
        while (this.running >= this.width.value) {
            await this.change();
        }
        this.begin(work, weight);
    }

    private begin(work: () => Soon<void>, weight: number): void {
        this.refuse();
        const result = this.attempt(work);
        if (!(result instanceof Promise)) {
            this.width.note(weight);
            return;
        }
        this.running += 1;
        result
            .then(
                () => this.width.note(weight),
                (error: unknown) => this.errors.push(error),
            )
            .finally(() => {
                this.running -= 1;
                for (const wake of this.waiting.splice(0)) {
                    wake();
                }
            });
    }

    private attempt(work: () => Soon<void>): Soon<void> {
        try {
            return work();
        } catch (error) {
            this.errors.push(error);
        }
    }

    /** Waits until one more has ended. False if none was under way. */
    async another(): Promise<boolean> {
        const some = this.running > 0;
        if (some) {
            await this.change();
        }
        return some;
    }

    /**
     * Waits until all have ended, even when one has failed: whoever hears of it removes what they write.
     *
     * @throws what the first has failed with, or the signal's reason
     */
    async end(): Promise<void> {
        while (await this.another()) {}
        this.refuse();
    }

    private refuse(): void {
        this.signal.throwIfAborted();
        if (this.errors.length > 0) {
            throw this.errors[0];
        }
    }

    private change(): Promise<void> {
        return new Promise((resolve) => this.waiting.push(resolve));
    }
}

/**
 * Does the work for every item; the first error ends it.
 *
 * @param weigh how much there is to do for an item; the same for each if left out
 * @param width as of {@link Lanes}
 */
export async function inParallel<T>(
    items: Iterable<T>,
    work: (item: T, wide: number) => Soon<void>,
    signal: AbortSignal,
    { weigh = () => 1, width }: { weigh?: (item: T) => number; width?: Width } = {},
): Promise<void> {
    const lanes = new Lanes(signal, width);
    try {
        for (const item of items) {
            const started = lanes.start(() => work(item, lanes.wide), weigh(item));
            if (started instanceof Promise) {
                await started;
            }
        }
    } finally {
        await lanes.end();
    }
}
