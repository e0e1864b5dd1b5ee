import type { Connection } from "mysql2/promise";

/** Bytes of statements that may wait for the server, over all lanes. */
const mostWaiting = 24 * 2 ** 20;

/** One connection with its work, done in the order in which it comes. */
class Lane {
    private last: Promise<void> = Promise.resolve();
    /** What is still to be done, in bytes or what takes as long. */
    cost = 0;

    constructor(readonly connection: Connection) {}

    add(cost: number, work: (connection: Connection) => Promise<unknown>, done: () => void): Promise<void> {
        this.cost += cost;
        this.last = this.last
            .then(() => work(this.connection))
            .then(() => {
                this.cost -= cost;
                done();
            });
        return this.last;
    }

    end(): Promise<void> {
        return this.last;
    }
}

export type { Lane };

/** Connections that load at once, each of them one table after the other. */
export class Lanes {
    private readonly all: Lane[];
    private waiting = 0;
    private failed: { error: unknown } | undefined;
    private wake: () => void = () => undefined;

    constructor(connections: Connection[]) {
        this.all = connections.map((connection) => new Lane(connection));
    }

    /** The one that has the least to do. */
    idlest(): Lane {
        return this.all.reduce((best, lane) => (lane.cost < best.cost ? lane : best));
    }

    /**
     * Hands over work. Waits while there is enough to do.
     *
     * @param bytes that it holds in memory
     * @param cost what it takes, in bytes of rows that take as long; as many as it holds if left out
     * @throws what earlier work has thrown
     */
    async add(
        lane: Lane,
        bytes: number,
        work: (connection: Connection) => Promise<unknown>,
        cost = bytes,
    ): Promise<void> {
        this.waiting += bytes;
        const done = lane.add(cost, work, () => {
            this.waiting -= bytes;
            this.wake();
        });
        done.catch((error: unknown) => {
            this.failed ??= { error };
            this.wake();
        });
        while (this.waiting > mostWaiting && this.failed === undefined) {
            await new Promise<void>((resolve) => (this.wake = resolve));
        }
        this.throwIfFailed();
    }

    /**
     * Waits until everything is done.
     *
     * @throws what some of it has thrown
     */
    async settle(): Promise<void> {
        await Promise.all(this.all.map((lane) => lane.end()));
    }

    /** Does pieces of work over all connections, each on the first that is free. */
    async each<T>(items: T[], work: (connection: Connection, item: T) => Promise<unknown>): Promise<void> {
        const left = [...items];
        await Promise.all(
            this.all.map(async ({ connection }) => {
                for (let item = left.shift(); item !== undefined; item = left.shift()) {
                    await work(connection, item);
                }
            }),
        );
    }

    private throwIfFailed(): void {
        if (this.failed !== undefined) {
            throw this.failed.error;
        }
    }
}
