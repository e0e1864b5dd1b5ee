import { DumpError } from "../backup/piece";
import { plainOf } from "./plain";

/** Things of a database that are neither tables nor rows, in the order in which they can be made. */
export const objectKinds = ["function", "procedure", "view", "trigger", "event"] as const;
export type ObjectKind = (typeof objectKinds)[number];

/** What a statement of a dump is, and what is done with it. */
export type Step =
    /** Names the database that what follows is in. */
    | { kind: "database"; name: string }
    | { kind: "setting"; sql: string }
    | { kind: "table"; name: string; sql: string }
    | { kind: "rows"; table: string; count: number }
    /** Makes a sequence, or sets it. */
    | { kind: "sequence"; name: string; sql: string }
    | { kind: "object"; object: ObjectKind; name: string; sql: string }
    /** Nothing is done; the reason is empty if nobody has to know. */
    | { kind: "nothing"; reason: string };

const identifier = "`(?:[^`]|``)+`|[A-Za-z_$][\\w$]*";
const one = `(${identifier})(\\s*\\.\\s*(?:${identifier}))?`;
const definer =
    /\bDEFINER\s*=\s*(?:(?:`(?:[^`]|``)*`|'[^']*'|"[^"]*"|[\w$.-]+)(?:\s*@\s*(?:`[^`]*`|'[^']*'|"[^"]*"|[\w$.%-]+))?|CURRENT_USER(?:\(\))?)/i;

const patterns = {
    rows: new RegExp(
        `^(?:INSERT|REPLACE)(?:\\s+(?:IGNORE|DELAYED|LOW_PRIORITY))?\\s+INTO\\s+${one}\\s*(\\((?:${identifier}|[\\s,])+\\))?\\s*VALUES\\b`,
        "i",
    ),
    database: new RegExp(`^(?:CREATE\\s+(?:DATABASE|SCHEMA)(?:\\s+IF\\s+NOT\\s+EXISTS)?|USE)\\s+(${identifier})`, "i"),
    table: new RegExp(`^CREATE\\s+TABLE\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?${one}\\s*\\(`, "i"),
    sequence: new RegExp(`^CREATE\\s+SEQUENCE\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?${one}`, "i"),
    position: new RegExp(`^(?:DO|SELECT)\\s+SETVAL\\s*\\(${one}\\s*,\\s*-?\\d+\\s*,\\s*[01]\\s*\\)$`, "i"),
    object: new RegExp(
        `^CREATE\\s+(?:OR\\s+REPLACE\\s+)?(?:(?:ALGORITHM\\s*=\\s*\\w+|SQL\\s+SECURITY\\s+\\w+|AGGREGATE|${definer.source})\\s+)*` +
            `(VIEW|TRIGGER|FUNCTION|PROCEDURE|EVENT)\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?${one}`,
        "i",
    ),
};

/** Where a trigger names its table's database. */
const triggerTable = new RegExp(`^(\\s+(?:BEFORE|AFTER)\\s+\\w+\\s+ON\\s+)(${identifier})\\s*\\.\\s*`, "i");

/** What is of no use in a database that was empty before, and that nobody else uses. */
const needless =
    /^(?:DROP\s+(?:TABLE|VIEW|TRIGGER|FUNCTION|PROCEDURE|EVENT|SEQUENCE|DATABASE)\s+IF\s+EXISTS|(?:LOCK|UNLOCK)\s+TABLES|ALTER\s+TABLE\s+\S+\s+(?:DISABLE|ENABLE)\s+KEYS$|COMMIT$|START\s+TRANSACTION|FLUSH\s+\w+|ALTER\s+DATABASE)/i;

/** Engines that reach out of the server, or read its files. */
const strangeEngine = /\bENGINE\s*=\s*["']?(FEDERATED\w*|CONNECT|SPIDER|S3|OQGRAPH|SPHINX|MROONGA)\b/i;

/** Whether an event is due, as `SHOW CREATE EVENT` writes it before its comment and its body. */
const eventState =
    /^(CREATE[^'"]*?\bON\s+SCHEDULE(?:[^'"]|'[^']*')*?\bON\s+COMPLETION\s+(?:NOT\s+)?PRESERVE)\s+(?:ENABLE|DISABLE(?:\s+ON\s+(?:SLAVE|REPLICA))?)\b/i;

/** What MariaDB alone sets. */
const mariaDbSetting = /^\/\*M!\d+\s+(SET\b[\s\S]*?)\s*\*\/$/i;

/** Older dumps have a table in the place of each view until all are there. */
const placeholder = /^\/\*!50001 CREATE TABLE/;

/** Bytes in which a statement says what it is. */
const headLength = 65_536;

/**
 * Tells what a statement of a dump is.
 *
 * @param groups pairs of brackets that are in no other one
 * @param database that the dump is of
 * @param account that an object's code runs as, in the place of the one that it names; whoever makes it if left out
 * @throws {DumpError} for what mysqldump and mariadb-dump never write, and what a copy must not do
 */
export function stepOf(text: Buffer, groups: number, database: string, account?: string): Step {
    const head = text.toString("latin1", 0, Math.min(text.length, headLength));
    if (/^(?:insert|replace)\b/i.test(head)) {
        return rowsOf(head, groups);
    }
    const plain = plainOf(text.toString("latin1"));
    const setting = mariaDbSetting.exec(plain)?.[1] ?? plain;
    if (/^set\b/i.test(setting)) {
        return { kind: "setting", sql: setting };
    }
    if (plain === "" || needless.test(plain) || (placeholder.test(head) && patterns.table.test(plain))) {
        return { kind: "nothing", reason: "" };
    }
    const [, used] = patterns.database.exec(plain) ?? [];
    if (used !== undefined) {
        return { kind: "database", name: nameIn(used) };
    }
    return tableIn(plain, text) ?? sequenceIn(plain) ?? objectIn(plain, database, account) ?? refuse(plain);
}

function rowsOf(head: string, groups: number): Step {
    const [, table, qualifier, columns] = patterns.rows.exec(head) ?? [];
    if (table === undefined) {
        throw new DumpError("holds an INSERT that is none of mysqldump's, without VALUES");
    }
    refuseQualified(table, qualifier);
    return { kind: "rows", table: nameIn(table), count: groups - (columns === undefined ? 0 : 1) };
}

function tableIn(plain: string, text: Buffer): Step | undefined {
    const [, table, qualifier] = patterns.table.exec(plain) ?? [];
    if (table === undefined) {
        return undefined;
    }
    refuseQualified(table, qualifier);
    const name = nameIn(table);
    const [, engine] = strangeEngine.exec(withoutTexts(plain)) ?? [];
    if (engine !== undefined) {
        throw new DumpError(
            `has table ${name} of engine ${engine}, which reaches out of the server: leave it out (--ignore-table)`,
        );
    }
    if (/\bnextval\s*\(/i.test(withoutTexts(plain))) {
        throw new DumpError(
            `has table ${name} with a default out of a sequence, which would be lost when the copy takes its live name: leave ` +
                "the table out (--ignore-table), or let the column be AUTO_INCREMENT",
        );
    }
    return { kind: "table", name, sql: text.toString("latin1") };
}

function sequenceIn(sql: string): Step | undefined {
    for (const pattern of [patterns.sequence, patterns.position]) {
        const [, sequence, qualifier] = pattern.exec(sql) ?? [];
        if (sequence !== undefined) {
            refuseQualified(sequence, qualifier);
            return { kind: "sequence", name: nameIn(sequence), sql };
        }
    }
    return undefined;
}

function objectIn(plain: string, database: string, account?: string): Step | undefined {
    const sql = unqualified(plain, [database]);
    const [head = "", kind, object, qualifier] = patterns.object.exec(sql) ?? [];
    if (kind === undefined || object === undefined) {
        return undefined;
    }
    refuseQualified(object, qualifier);
    const other = account === undefined ? "" : `DEFINER=${account}`;
    const owned = `${head.replace(new RegExp(definer.source, "gi"), () => other)}${sql.slice(head.length)}`;
    const known = kind.toLowerCase() as ObjectKind;
    return {
        kind: "object",
        object: known,
        name: nameIn(object),
        sql: known === "event" ? sleeping(owned) : owned,
    };
}

/** The statement of an event that is never due: a copy does nothing by itself. */
export function sleeping(sql: string): string {
    if (!eventState.test(sql)) {
        throw new DumpError("makes an event in another way than mysqldump does");
    }
    return sql.replace(eventState, "$1 DISABLE");
}

/** What makes an object, without these names of databases before the object's own and that of a trigger's table. */
export function unqualified(sql: string, databases: string[]): string {
    const [head = "", , name = "", qualifier] = patterns.object.exec(sql) ?? [];
    const isOurs = (written: string | undefined) => written !== undefined && databases.includes(nameIn(written));
    const rest = sql.slice(head.length).replace(triggerTable, (whole, before, database) => {
        return isOurs(database) ? before : whole;
    });
    return qualifier !== undefined && isOurs(name)
        ? `${head.slice(0, -(name.length + qualifier.length))}${qualifier.replace(/^\s*\.\s*/, "")}${rest}`
        : `${head}${rest}`;
}

function refuse(plain: string): never {
    const words =
        plain
            .slice(0, 80)
            .match(/^\w+(?:\s+\w+)?/)?.[0]
            .toUpperCase() ?? plain.slice(0, 20);
    throw new DumpError(`holds the statement ${words}, which is not let into a copy`);
}

/** A dump of one database names none. */
function refuseQualified(name: string, qualifier: string | undefined): void {
    if (qualifier !== undefined) {
        throw new DumpError(`names another database (${name}${qualifier}): dump the database alone`);
    }
}

/** A name without its quotes, as text. */
function nameIn(quoted: string): string {
    const name = quoted.startsWith("`") ? quoted.slice(1, -1).replaceAll("``", "`") : quoted;
    return Buffer.from(name, "latin1").toString();
}

/** What is no text in quotes. */
function withoutTexts(sql: string): string {
    return sql.replaceAll(/'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`/g, "''");
}
