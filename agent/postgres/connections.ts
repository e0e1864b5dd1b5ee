import { Psql, type PsqlTarget } from "./psql";
import { followsTask, type Task, taskOf } from "./task";
import { longest, type Sink, taskWork, type Work } from "./work";

/** Bytes of statements that may wait for others of their kind. */
const mostWaiting = 16 * 2 ** 20;

const newline = Buffer.from("\n");

/**
 * The connections over which a dump's SQL reaches the server: one, in the order of the dump, but for work that can be done
 * at the same time, which goes over several at once, the longest first.
 */
export class Connections implements Sink {
    private readonly all: Connection[] = [];
    private idle: Connection[] = [];
    /** Statements that set something for the session, by what they set: every connection begins with them. */
    private readonly settings = new Map<string, Buffer>();
    /** A transaction of the dump's own cannot go on over another connection. */
    private inTransaction = false;
    private tasks: Task[] = [];
    private waiting = 0;
    private killed = false;

    /**
     * @param jobs connections at once; with one, everything keeps the order of the dump
     * @param bytes how many bytes of rows a table has got
     */
    constructor(
        private readonly target: PsqlTarget,
        private readonly jobs: number,
        private readonly bytes: (table: string) => number,
    ) {}

    /** Hands over a statement. Waits while there is enough to do. */
    async statement(text: Buffer, words: string[]): Promise<void> {
        const task = this.jobs > 1 && !this.inTransaction ? taskOf(text, words) : undefined;
        const last = this.tasks.at(-1);
        if (task !== undefined) {
            if (last !== undefined && (last.kind !== task.kind || this.waiting > mostWaiting)) {
                await this.doTasks();
            }
            this.tasks.push(task);
            this.waiting += text.length;
            return;
        }
        if (last !== undefined && followsTask(text, words)) {
            last.statements.push(text);
            this.waiting += text.length;
            return;
        }
        await this.doTasks();
        this.noteTransaction(words);
        const setting = settingIn(text, words);
        if (setting === undefined) {
            await this.first().statement(text);
        } else {
            await this.set(setting, text);
        }
    }

    /** Hands over rows of the COPY statement before. */
    async rows(bytes: Buffer): Promise<void> {
        await this.first().rows(bytes);
    }

    async settle(): Promise<void> {
        await this.doTasks();
        await this.first().settle();
    }

    /**
     * Does work over all connections at once, the longest first of what is ready and locks nothing that other work has locked.
     *
     * @throws {Error} with the server's message when a connection has failed
     */
    async work(pieces: Work[]): Promise<void> {
        // What it needs is there only once the connection has done all that it was given.
        await this.settle();
        const waiting = new Set(pieces);
        const running = new Map<Work, Promise<void>>();
        while (waiting.size + running.size > 0) {
            const next = running.size < this.jobs ? longest(waiting, [...running.keys()]) : undefined;
            if (next === undefined) {
                await Promise.race(running.values());
                continue;
            }
            waiting.delete(next);
            const connection = this.idle.pop() ?? this.open();
            const done = (async () => {
                await next.do(connection);
                await connection.settle();
                next.done?.();
                running.delete(next);
                this.idle.push(connection);
            })();
            // The race above tells of the first that fails; then all others are killed.
            done.catch(() => undefined);
            running.set(next, done);
        }
    }

    /**
     * Waits until everything is done, and ends the connections.
     *
     * @throws {Error} with the server's message when a connection has failed
     */
    async end(): Promise<void> {
        await this.doTasks();
        await Promise.all(this.all.map((connection) => connection.end()));
    }

    /** Ends all connections at once. */
    async kill(): Promise<void> {
        this.killed = true;
        await Promise.all(this.all.map((connection) => connection.kill()));
    }

    /** Does the tasks that have gathered. */
    private async doTasks(): Promise<void> {
        const { tasks } = this;
        this.tasks = [];
        this.waiting = 0;
        if (tasks.length < 2) {
            for (const statement of tasks.flatMap(({ statements }) => statements)) {
                await this.first().statement(statement);
            }
            return;
        }
        await this.work(tasks.map((task) => taskWork(task, this.bytes)));
    }

    /** The connection that keeps the order of the dump. */
    private first(): Connection {
        return this.all[0] ?? this.openIdle();
    }

    private openIdle(): Connection {
        const connection = this.open();
        this.idle.push(connection);
        return connection;
    }

    private open(): Connection {
        if (this.killed) {
            throw new Error("The connections were ended.");
        }
        const beginning = [...this.settings.values()].flatMap((setting) => [newline, setting]);
        const connection = new Connection(new Psql(this.target, beginning));
        this.all.push(connection);
        return connection;
    }

    /** Sets something for all connections, those as well that are opened later. */
    private async set(name: string, text: Buffer): Promise<void> {
        this.first();
        for (const connection of this.all) {
            await connection.statement(text);
        }
        // The last one of several counts, and stands after those that were there before.
        this.settings.delete(name);
        this.settings.set(name, text);
    }

    private noteTransaction([first = ""]: string[]): void {
        if (["begin", "start"].includes(first)) {
            this.inTransaction = true;
        } else if (["commit", "end", "rollback", "abort"].includes(first)) {
            this.inTransaction = false;
        }
    }
}

/** One connection. */
class Connection implements Sink {
    constructor(private readonly psql: Psql) {}

    async statement(text: Buffer): Promise<void> {
        // The newline comes first: after COPY it belongs to the rows.
        await this.psql.write(newline);
        await this.psql.write(text);
    }

    rows(bytes: Buffer): Promise<void> {
        return this.psql.write(bytes);
    }

    settle(): Promise<void> {
        return this.psql.settle();
    }

    async end(): Promise<void> {
        await this.psql.write(newline);
        await this.psql.end();
    }

    kill(): Promise<void> {
        return this.psql.kill();
    }
}

/** What a statement sets for the session, if that is what it does: `SET row_security = off`, `RESET ROLE`. */
export function settingIn(text: Buffer, words: string[]): string | undefined {
    if (words[0] === "set" || words[0] === "reset") {
        return words[1];
    }
    const [, called] = /^SELECT pg_catalog\.set_config\('([^']+)'/.exec(text.toString("latin1")) ?? [];
    return called;
}
