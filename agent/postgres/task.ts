/** A statement that needs nothing of those of its kind, so that they can run at the same time. */
export interface Task {
    kind: "index" | "key";
    /** The statement, and what belongs right after it. */
    statements: Buffer[];
    /** Tables that it locks. */
    tables: string[];
    /** Whether nobody else may lock them meanwhile. */
    alone: boolean;
    /** How long it takes for each byte of the rows in its tables, see {@link costOf}. */
    slowness: number;
}

const name = String.raw`(?:"(?:[^"]|"")+"|[^\s".()]+)`;
const table = String.raw`(${name}(?:\.${name})?)`;
const patterns = {
    index: new RegExp(String.raw`^CREATE (?:UNIQUE )?INDEX ${name} ON (?:ONLY )?${table} USING (\w+) `),
    constraint: new RegExp(
        String.raw`^ALTER TABLE ONLY ${table}\s+ADD CONSTRAINT ${name} (?:PRIMARY KEY|UNIQUE|EXCLUDE)\b`,
    ),
    key: new RegExp(
        String.raw`^ALTER TABLE ONLY ${table}\s+ADD CONSTRAINT ${name} FOREIGN KEY \(.+?\) REFERENCES ${table}\s*\(`,
    ),
    follower: new RegExp(
        `^(?:ALTER TABLE (?:ONLY )?${table} (?:CLUSTER ON|REPLICA IDENTITY USING INDEX) |COMMENT ON (?:INDEX|CONSTRAINT) )`,
    ),
};

/** Kinds of index that take as long as to load the rows: on two cores ten times as long as a B-tree over them. */
const slowKinds = ["gin", "gist", "spgist"];

/** Cost of a byte of rows in COPY, and in the slow kinds of index; it is 1 in all else. */
export const slow = 10;

/** First words of what can be a task. */
const beginnings = ["create index", "create unique", "alter table"];

/** How long a task takes, by how many bytes of rows its tables have. */
export function costOf({ tables, slowness }: Task, bytes: (table: string) => number): number {
    return slowness * tables.reduce((sum, table) => sum + bytes(table), 0);
}

/** The task that a statement of a dump is, if it is one. */
export function taskOf(text: Buffer, words: string[]): Task | undefined {
    if (!beginnings.includes(words.slice(0, 2).join(" "))) {
        return undefined;
    }
    const sql = text.toString();
    const [, indexed, kind = ""] = patterns.index.exec(sql) ?? [];
    if (indexed !== undefined) {
        const slowness = slowKinds.includes(kind) ? slow : 1;
        return { kind: "index", statements: [text], tables: [indexed], alone: false, slowness };
    }
    const [, constrained] = patterns.constraint.exec(sql) ?? [];
    if (constrained !== undefined) {
        return { kind: "index", statements: [text], tables: [constrained], alone: true, slowness: 1 };
    }
    const [, from, to] = patterns.key.exec(sql) ?? [];
    return from === undefined || to === undefined
        ? undefined
        : { kind: "key", statements: [text], tables: [from, to], alone: true, slowness: 1 };
}

/** Whether a statement belongs to the index or constraint right before it. */
export function followsTask(text: Buffer, words: string[]): boolean {
    return (
        ["alter table", "comment on"].includes(words.slice(0, 2).join(" ")) && patterns.follower.test(text.toString())
    );
}

/** Whether two pieces of work would wait for each other's locks. */
export function collide(one: Pick<Task, "tables" | "alone">, other: Pick<Task, "tables" | "alone">): boolean {
    return (one.alone || other.alone) && one.tables.some((table) => other.tables.includes(table));
}
