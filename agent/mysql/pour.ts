import type { Connection } from "mysql2/promise";
import { DumpError } from "../backup/piece";
import { type Lane, Lanes } from "./lanes";
import { MysqlLexer, type MysqlPiece } from "./lexer";
import { quoted } from "./rows";
import { Settings } from "./settings";
import { type ObjectKind, objectKinds, type Step, stepOf } from "./statement";
import { partsOf, type TableParts } from "./table";

/** What a dump holds, counted while it passes. */
export interface Tally {
    /** Rows and bytes of each table. */
    tables: Map<string, { rows: number; bytes: number }>;
    sequences: Set<string>;
    foreignKeys: number;
    /** Views, triggers, routines and events by kind. */
    objects: Map<ObjectKind, Set<string>>;
    /** Reasons for which statements were left out. */
    skipped: Set<string>;
}

/** A statement that makes an object, and the settings that it is written under. */
interface Making {
    object: ObjectKind;
    name: string;
    sql: string;
    settings: string;
}

/** A table that is being loaded, and the connection that loads it. */
interface Loading {
    lane: Lane;
    parts: TableParts;
    /** Whether its further indexes were asked for. */
    isIndexed: boolean;
}

/** What a connection of a load sets before all else. Keys are made anew afterwards, and the proof asks after all of them. */
export const loadSession =
    "set session autocommit = 0, unique_checks = 0, foreign_key_checks = 0, sql_notes = 0, lock_wait_timeout = 600";

/** What an index takes for each byte of its table's rows, beside a byte of rows. */
const indexCost = 0.15;

/** Comment that ends every dump. */
const trailer = /^Dump completed\b/;

/**
 * Loads the SQL of a dump over several connections: the tables' rows in the order of the dump, each table over one
 * connection and in one transaction, and its indexes when its rows are there, while others take the next tables.
 */
export class Pour {
    readonly tally: Tally = {
        tables: new Map(),
        sequences: new Set(),
        foreignKeys: 0,
        objects: new Map(),
        skipped: new Set(),
    };
    private readonly lexer = new MysqlLexer();
    private readonly settings = new Settings();
    private readonly lanes: Lanes;
    private readonly tables = new Map<string, Loading>();
    private readonly making = new Map<string, Making>();
    /** The settings that a connection has by now. */
    private readonly set = new Map<Connection, string>();
    private current: string | undefined;
    private isComplete = false;

    /**
     * @param connections raw ones, to the database that is loaded
     * @param database what it is called in production
     */
    constructor(
        private readonly connections: Connection[],
        private readonly database: string,
    ) {
        this.lanes = new Lanes(connections);
    }

    /**
     * Loads what comes next.
     *
     * @throws {DumpError} for what is not let into a copy
     * @throws {Error} with the server's message when it takes exception
     */
    async push(chunk: Buffer): Promise<void> {
        await this.take(this.lexer.push(chunk));
    }

    /**
     * Loads the rest, and waits until all of it is there.
     *
     * @throws {DumpError} when the dump has no end
     */
    async end(): Promise<void> {
        await this.take(this.lexer.end());
        if (!this.isComplete) {
            throw new DumpError('does not end with "-- Dump completed": it is truncated, or was made without comments');
        }
        await this.finishTable();
        await this.lanes.settle();
        const [first] = this.connections;
        if (first !== undefined) {
            await this.addForeignKeys(first);
            await this.makeObjects(first);
        }
    }

    private async take(pieces: MysqlPiece[]): Promise<void> {
        for (const piece of pieces) {
            if (piece.kind === "comment") {
                this.isComplete ||= trailer.test(piece.text);
            } else if (this.isComplete) {
                throw new DumpError("goes on after its closing line: something was appended to it");
            } else {
                await this.do(stepOf(piece.text, piece.groups, this.database), piece.text);
            }
        }
    }

    private async do(step: Step, text: Buffer): Promise<void> {
        switch (step.kind) {
            case "rows":
                return this.insert(step, text);
            case "table":
                return this.makeTable(step.name, partsOf(step.sql));
            case "setting":
                return this.skip(this.settings.follow(step.sql));
            case "sequence":
                return this.makeSequence(step.name, step.sql);
            case "object":
                return this.note(step);
            case "database":
                return this.refuseOther(step.name);
            default:
                return this.skip(step.reason);
        }
    }

    private async makeTable(name: string, parts: TableParts): Promise<void> {
        await this.finishTable();
        if (this.tables.has(name)) {
            throw new DumpError(`makes table ${name} twice: dump one database alone`);
        }
        const lane = this.lanes.idlest();
        this.tables.set(name, { lane, parts, isIndexed: false });
        this.tally.tables.set(name, { rows: 0, bytes: 0 });
        this.tally.foreignKeys += parts.foreign.length;
        this.current = name;
        await this.run(lane, parts.create);
    }

    private async insert({ table, count }: { table: string; count: number }, text: Buffer): Promise<void> {
        const loading = this.tables.get(table);
        const counted = this.tally.tables.get(table);
        if (loading === undefined || counted === undefined) {
            throw new DumpError(`has rows of table ${table}, which it does not make: dump it with its tables`);
        }
        if (this.current !== table) {
            await this.finishTable();
            this.current = table;
        }
        counted.rows += count;
        counted.bytes += text.length;
        await this.run(loading.lane, text);
    }

    /** Its rows are there for good, and then its indexes are made. */
    private async finishTable(): Promise<void> {
        const name = this.current;
        const loading = name === undefined ? undefined : this.tables.get(name);
        this.current = undefined;
        if (name === undefined || loading === undefined) {
            return;
        }
        const { bytes = 0 } = this.tally.tables.get(name) ?? {};
        await this.lanes.add(loading.lane, 0, (connection) => connection.query("commit"));
        if (!loading.isIndexed) {
            loading.isIndexed = true;
            for (const keys of together(loading.parts.keys)) {
                const sql = `alter table ${latin1(quoted(name))} ${keys.map((key) => `add ${key}`).join(", ")}`;
                const cost = bytes * indexCost * keys.length;
                await this.lanes.add(loading.lane, 0, (connection) => connection.query(sql), cost);
            }
        }
    }

    private async makeSequence(name: string, sql: string): Promise<void> {
        await this.finishTable();
        this.tally.sequences.add(name);
        // On one connection alone: it is set where it was made.
        await this.lanes.settle();
        await this.connections[0]?.query(sql);
    }

    private async addForeignKeys(connection: Connection): Promise<void> {
        for (const [name, { parts }] of this.tables) {
            if (parts.foreign.length > 0) {
                const keys = parts.foreign.map((key) => `add ${key}`).join(", ");
                await connection.query(`alter table ${latin1(quoted(name))} ${keys}`);
            }
        }
    }

    /** The later statement counts: of a view there is a placeholder before. */
    private note({ object, name, sql }: Extract<Step, { kind: "object" }>): void {
        this.making.set(`${object} ${name}`, { object, name, sql, settings: this.settings.statement });
        const names = this.tally.objects.get(object) ?? new Set();
        this.tally.objects.set(object, names.add(name));
    }

    private async makeObjects(connection: Connection): Promise<void> {
        for (const kind of objectKinds) {
            await makeInSomeOrder(
                [...this.making.values()].filter(({ object }) => object === kind),
                async ({ sql, settings }) => {
                    await this.applySettings(connection, settings);
                    await connection.query(sql);
                },
            );
        }
        await connection.query("commit");
    }

    /** Hands over a statement with the settings that it is written under. */
    private async run(lane: Lane, sql: string | Buffer): Promise<void> {
        const settings = this.settings.statement;
        await this.lanes.add(lane, sql.length, async (connection) => {
            await this.applySettings(connection, settings);
            await connection.query(typeof sql === "string" ? sql : sql.toString("latin1"));
        });
    }

    private async applySettings(connection: Connection, settings: string): Promise<void> {
        if (this.set.get(connection) !== settings) {
            await connection.query(settings);
            this.set.set(connection, settings);
        }
    }

    private refuseOther(name: string): void {
        if (name !== this.database) {
            throw new DumpError(`is about database ${name} as well: dump ${this.database} alone`);
        }
    }

    private skip(reason: string | undefined): void {
        if (reason) {
            this.tally.skipped.add(reason);
        }
    }
}

/**
 * Makes things of which one may need another, in whatever order that works.
 *
 * @throws what the server says when none of those that are left can be made
 */
export async function makeInSomeOrder<T>(things: T[], make: (thing: T) => Promise<void>): Promise<void> {
    let left = things;
    while (left.length > 0) {
        const failed: T[] = [];
        let first: unknown;
        for (const thing of left) {
            try {
                await make(thing);
            } catch (error) {
                first ??= error;
                failed.push(thing);
            }
        }
        if (failed.length === left.length) {
            throw first;
        }
        left = failed;
    }
}

/** Indexes that one statement can add: full text allows no other of its kind. */
function together(keys: string[]): string[][] {
    const plain = keys.filter((key) => !key.startsWith("FULLTEXT "));
    return [
        ...(plain.length > 0 ? [plain] : []),
        ...keys.filter((key) => key.startsWith("FULLTEXT ")).map((key) => [key]),
    ];
}

/** Text as bytes, one character for each. */
function latin1(text: string): string {
    return Buffer.from(text).toString("latin1");
}
