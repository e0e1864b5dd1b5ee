import type { Weighed } from "./bundle";

/** A statement that needs nothing of those of its kind, so that they can run at the same time. */
export interface Task extends Weighed {
    kind: "index" | "key";
    /** The statement, and what belongs right after it. */
    statements: Buffer[];
    /** Tables that it locks. */
    tables: string[];
    /** Whether nobody else may lock them meanwhile. */
    alone: boolean;
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

/** Kinds of index that take several times as long as a B-tree over the same rows. */
const slowKinds = ["gin", "gist", "spgist"];
const slowness = 4;

/** First words of what can be a task. */
const beginnings = ["create index", "create unique", "alter table"];

/**
 * The task that a statement of a dump is, if it is one.
 *
 * @param bytes how many bytes of rows a table has
 */
export function taskOf(text: Buffer, words: string[], bytes: (table: string) => number): Task | undefined {
    if (!beginnings.includes(words.slice(0, 2).join(" "))) {
        return undefined;
    }
    const sql = text.toString();
    const [, indexed, kind = ""] = patterns.index.exec(sql) ?? [];
    if (indexed !== undefined) {
        const weight = bytes(indexed) * (slowKinds.includes(kind) ? slowness : 1);
        return { kind: "index", statements: [text], tables: [indexed], alone: false, weight };
    }
    const [, constrained] = patterns.constraint.exec(sql) ?? [];
    if (constrained !== undefined) {
        return { kind: "index", statements: [text], tables: [constrained], alone: true, weight: bytes(constrained) };
    }
    const [, from, to] = patterns.key.exec(sql) ?? [];
    return from === undefined || to === undefined
        ? undefined
        : { kind: "key", statements: [text], tables: [from, to], alone: true, weight: bytes(from) + bytes(to) };
}

/** Whether a statement belongs to the index or constraint right before it. */
export function followsTask(text: Buffer, words: string[]): boolean {
    return (
        ["alter table", "comment on"].includes(words.slice(0, 2).join(" ")) && patterns.follower.test(text.toString())
    );
}

/** Whether two bundles of tasks would wait for each other's locks. */
export function collide(one: Task[], other: Task[]): boolean {
    return one.some((a) =>
        other.some((b) => (a.alone || b.alone) && a.tables.some((table) => b.tables.includes(table))),
    );
}
