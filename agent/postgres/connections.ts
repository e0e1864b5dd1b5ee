import { bundled } from "./bundle";
import { Psql, type PsqlTarget } from "./psql";
import { collide, followsTask, type Task, taskOf } from "./task";

/** Bytes of statements that may wait for others of their kind. */
const mostWaiting = 16 * 2 ** 20;

const newline = Buffer.from("\n");

/**
 * The connections over which a dump's SQL reaches the server: one, in the order of the dump, but for indexes and
 * constraints, which are built over several at once, the longest first.
 */
export class Connections {
    private main: Psql | undefined;
    /** Statements that set something for the session, by what they set: every connection begins with them. */
    private readonly settings = new Map<string, Buffer>();
    /** A transaction of the dump's own cannot go on over another connection. */
    private inTransaction = false;
    private tasks: Task[] = [];
    private waiting = 0;
    private readonly open = new Set<Psql>();
    private killed = false;

    /**
     * @param jobs connections at once; with one, everything keeps the order of the dump
     * @param bytes how many bytes of rows a table has got
     */
    constructor(
        private readonly target: PsqlTarget,
        private readonly jobs: number,
        private readonly bytes: (table: string) => number = () => 0,
    ) {}

    /** Hands over a statement. Waits while there is enough to do. */
    async statement(text: Buffer, words: string[]): Promise<void> {
        const task = this.jobs > 1 && !this.inTransaction ? taskOf(text, words, this.bytes) : undefined;
        const last = this.tasks.at(-1);
        if (task !== undefined) {
            if (last !== undefined && (last.kind !== task.kind || this.waiting > mostWaiting)) {
                await this.settle();
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
        await this.settle();
        this.note(text, words);
        await this.write(text);
    }

    /** Hands over rows of the COPY statement before. */
    async rows(bytes: Buffer): Promise<void> {
        await this.main?.write(bytes);
    }

    /**
     * Waits until everything is done.
     *
     * @throws {Error} with the server's message when a connection has failed
     */
    async end(): Promise<void> {
        await this.settle();
        await this.endMain();
    }

    /** Ends all connections at once. */
    async kill(): Promise<void> {
        this.killed = true;
        await Promise.all([...this.open].map((psql) => psql.kill()));
    }

    /** Does the tasks that have gathered. */
    private async settle(): Promise<void> {
        const { tasks } = this;
        this.tasks = [];
        this.waiting = 0;
        if (tasks.length < 2) {
            for (const statement of tasks.flatMap(({ statements }) => statements)) {
                await this.write(statement);
            }
            return;
        }
        // What they need is there only once the connection has done all that it was given.
        await this.endMain();
        const waiting = bundled(tasks, this.jobs);
        const running = new Map<Task[], Promise<unknown>>();
        while (waiting.length + running.size > 0) {
            const free = running.size < this.jobs;
            const next = waiting.findIndex((bundle) => ![...running.keys()].some((other) => collide(bundle, other)));
            if (free && next >= 0) {
                const [bundle = []] = waiting.splice(next, 1);
                const done = this.run(bundle).then(() => running.delete(bundle));
                // The race below tells of the first that fails; then all others are killed.
                done.catch(() => undefined);
                running.set(bundle, done);
            } else {
                await Promise.race(running.values());
            }
        }
    }

    private async run(bundle: Task[]): Promise<void> {
        const psql = this.connect();
        for (const statement of bundle.flatMap(({ statements }) => statements)) {
            await psql.write(newline);
            await psql.write(statement);
        }
        await this.close(psql);
    }

    private async write(text: Buffer): Promise<void> {
        this.main ??= this.connect();
        // The newline comes first: after COPY it belongs to the rows.
        await this.main.write(newline);
        await this.main.write(text);
    }

    private async endMain(): Promise<void> {
        const { main } = this;
        this.main = undefined;
        if (main !== undefined) {
            await this.close(main);
        }
    }

    private connect(): Psql {
        if (this.killed) {
            throw new Error("The connections were ended.");
        }
        const psql = new Psql(
            this.target,
            [...this.settings.values()].flatMap((setting) => [newline, setting]),
        );
        this.open.add(psql);
        return psql;
    }

    private async close(psql: Psql): Promise<void> {
        await psql.end();
        this.open.delete(psql);
    }

    /** Keeps what holds for the whole session. */
    private note(text: Buffer, words: string[]): void {
        const [first = ""] = words;
        if (["begin", "start"].includes(first)) {
            this.inTransaction = true;
        } else if (["commit", "end", "rollback", "abort"].includes(first)) {
            this.inTransaction = false;
        }
        const setting = settingIn(text, words);
        if (setting !== undefined) {
            // The last one of several counts, and stands after those that were there before.
            this.settings.delete(setting);
            this.settings.set(setting, text);
        }
    }
}

/** What a statement sets for the session, if that is what it does: `SET row_security = off`, `RESET ROLE`. */
function settingIn(text: Buffer, words: string[]): string | undefined {
    if (words[0] === "set" || words[0] === "reset") {
        return words[1];
    }
    const [, called] = /^SELECT pg_catalog\.set_config\('([^']+)'/.exec(text.toString("latin1")) ?? [];
    return called;
}
