import type { Soon } from "./after";

/** Milliseconds that a call may take on average and still be made at once: handing it to a thread costs about as much. */
const atOnce = 0.08;

/** Milliseconds after which whoever else waits for this thread gets his turn: progress, and a signal to stop. */
const turn = 10;

/**
 * What one call counts for in the average, and for how many milliseconds at most. On a busy machine some wait for the
 * processor, or until the disk has caught up: only many in a row say what the file system is like. A trial is the only one
 * for long, and counts for more.
 */
const longest = 0.25;
const weight = { usual: 1 / 64, trial: 1 / 4 };

/** How many calls go to threads before one is made at once again, to see whether it has become quick. */
const patience = 256;

/** Bytes up to which reading and writing may be a call made at once. */
const small = 131_072;

/**
 * How calls to one file system are made. Where it answers within microseconds they are made at once, which is several
 * times quicker than handing them to threads; where it does not, they go to threads, so that many can be under way.
 */
export class Pace {
    private average = 0;
    private handed = 0;

    /** Whether the file system answers within microseconds. */
    get near(): boolean {
        return this.average <= atOnce;
    }

    /** Makes a call now or in a thread; one that moves many bytes always in a thread. */
    protected make<T>(now: () => T, thread: () => Promise<T>, bytes = 0): Soon<T> {
        if (bytes > small) {
            return thread();
        }
        const isSlow = !this.near;
        if (isSlow && ++this.handed % patience !== 0) {
            return thread();
        }
        const counts = isSlow ? weight.trial : weight.usual;
        // A trial counts wherever it comes: between calls in threads, a turn is always due.
        return isTurnDue() ? nextTurn().then(() => this.measured(now, counts)) : this.measured(now, counts);
    }

    /** @param counts what the time that the work takes counts for in the average */
    private measured<T>(work: () => T, counts: number): T {
        const start = performance.now();
        try {
            return work();
        } finally {
            const taken = Math.min(performance.now() - start, longest);
            this.average += (taken - this.average) * counts;
        }
    }
}

let turnBegan = performance.now();
let waiting: Promise<void> | undefined;

function isTurnDue(): boolean {
    return performance.now() - turnBegan > turn;
}

/** Lets everybody else have a turn. */
function nextTurn(): Promise<void> {
    waiting ??= new Promise((resolve) => {
        setImmediate(() => {
            turnBegan = performance.now();
            waiting = undefined;
            resolve();
        });
    });
    return waiting;
}
