import { collide, costOf, type Task } from "./task";

/** Takes the SQL of a dump, statement by statement, and the rows that follow a COPY. */
export interface Sink {
    statement(text: Buffer, words: string[]): Promise<void>;
    rows(bytes: Buffer): Promise<void>;
    /**
     * Waits until the server has done all that was handed over.
     *
     * @throws {Error} with the server's message if it failed
     */
    settle(): Promise<void>;
}

/** A piece of work for one of the connections. */
export interface Work {
    /** How long it takes, in a unit that all work has in common. */
    cost(): number;
    /** Whether what it needs is there; if that is never so, it comes last. */
    ready(): boolean;
    /** What it locks. */
    locks: Pick<Task, "tables" | "alone">;
    do(connection: Sink): Promise<unknown>;
    /** Is told once the server has done it. */
    done?(): void;
}

/** A task as work for a connection. */
export function taskWork(
    task: Task,
    bytes: (table: string) => number,
    ready: (table: string) => boolean = () => true,
): Work {
    return {
        cost: () => costOf(task, bytes),
        ready: () => task.tables.every(ready),
        locks: task,
        async do(connection) {
            for (const statement of task.statements) {
                await connection.statement(statement, []);
            }
        },
    };
}

/** The longest work that can begin beside what is running. */
export function longest(waiting: Set<Work>, running: Work[]): Work | undefined {
    const free = [...waiting].filter(({ locks }) => !running.some((other) => collide(locks, other.locks)));
    const ready = free.filter((work) => work.ready());
    // What is not ready when nothing runs any more never will be: nobody loads rows into its tables.
    const able = running.length === 0 && ready.length === 0 ? free : ready;
    return able.reduce<Work | undefined>(
        (best, work) => (best === undefined || work.cost() > best.cost() ? work : best),
        undefined,
    );
}
