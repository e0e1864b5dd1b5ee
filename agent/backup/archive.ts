import { outputOf } from "./program";
import type { StoredFile } from "./store";

/** What the beginning of an archive's table of contents tells. */
export interface ArchiveHeader {
    serverVersion: string;
    /** Version of the pg_dump that made it. */
    clientVersion: string;
    /** Whether its data is compressed in a way that has checksums. */
    checked: boolean;
}

/** Algorithm that an archive names by its number from version 1.15 on; of these, only gzip is written with checksums. */
const gzip = 1;

/** What the beginning of an archive says, if it is one of pg_dump 9.6 or later. */
export function archiveHeader(bytes: Buffer): ArchiveHeader | undefined {
    const [major, minor, , integerSize = 0] = bytes.subarray(5, 9);
    if (bytes.toString("latin1", 0, 5) !== "PGDMP" || major !== 1 || minor === undefined || minor < 12) {
        return undefined;
    }
    // Version, then the sizes of integers and offsets and the format take a byte each.
    let at = 11;
    const integer = () => {
        const negative = bytes[at] !== 0;
        const value = bytes.readUIntLE(at + 1, Math.min(integerSize, 6));
        at += 1 + integerSize;
        return negative ? -value : value;
    };
    const text = () => {
        const length = Math.max(0, integer());
        at += length;
        return bytes.toString("utf8", at - length, at);
    };
    try {
        const checked = minor >= 15 ? bytes[at++] === gzip : integer() !== 0;
        // When the dump was begun, in seven figures; then the database.
        for (let figure = 0; figure < 7; figure++) {
            integer();
        }
        text();
        const [serverVersion = "", clientVersion = ""] = [text(), text()].map((version) => version.split(" ")[0]);
        return /^\d/.test(serverVersion) && /^\d/.test(clientVersion)
            ? { serverVersion, clientVersion, checked }
            : undefined;
    } catch {
        return undefined;
    }
}

/** Entries of an archive's table of contents as pg_restore lists them: one a line. */
export interface Contents {
    /** What has to be there before the rows of tables. */
    before: string[];
    /** The rows of tables. */
    tables: TableData[];
    /** What needs the rows of one table, and nothing else: indexes, and the constraints that are made of one. */
    indexes: string[];
    /** What comes after them: sequences' positions, large objects, foreign keys and the like, and last the rights. */
    after: string[];
}

/** Rows of one table in an archive. */
export interface TableData {
    entry: string;
    /** Where it stands among the others. */
    position: number;
    /** Their share of the work: bytes as stored where each table has a file of its own, else the same for all. */
    weight: number;
}

/**
 * Reads the table of contents of an archive that can be sought.
 *
 * @param files those of a folder, which has one for each table; of any other archive, none
 * @throws {ProgramError} when pg_restore cannot read it
 */
export async function readContents(path: string, files: StoredFile[], signal: AbortSignal): Promise<Contents> {
    const chunks: Buffer[] = [];
    for await (const chunk of outputOf("pg_restore", ["--list", "--", path], { signal })) {
        chunks.push(chunk);
    }
    const contents = contentsIn(Buffer.concat(chunks).toString("latin1"));
    const data = files.filter(({ name }) => /^\d+\.dat/.test(name));
    const sizes = new Map(data.map(({ name, bytes }) => [Number.parseInt(name, 10), bytes]));
    return {
        ...contents,
        tables: contents.tables.map((one) => ({ ...one, weight: sizes.get(Number.parseInt(one.entry, 10)) ?? 1 })),
    };
}

/**
 * Sorts a list that pg_restore has made.
 *
 * Rights come last, as in a plain dump: an owner may have revoked from itself what the load needs.
 */
export function contentsIn(list: string): Contents {
    const entries = list.split("\n").filter((line) => /^\d+; /.test(line));
    const ofTable = (entry: string) => /^\d+; \d+ \d+ TABLE DATA /.test(entry);
    const index = (entry: string) => /^\d+; \d+ \d+ (INDEX (?!ATTACH )|CONSTRAINT )/.test(entry);
    const right = (entry: string) => /^\d+; \d+ \d+ (DEFAULT )?ACL /.test(entry);
    const first = entries.findIndex(ofTable);
    // Without any rows, everything keeps its order.
    const begun = first < 0 ? entries.length : first;
    const [head, rest] = [entries.slice(0, begun), entries.slice(begun)];
    return {
        before: head.filter((entry) => !right(entry)),
        tables: rest.filter(ofTable).map((entry, position) => ({ entry, position, weight: 1 })),
        indexes: rest.filter(index),
        after: [...rest.filter((entry) => !ofTable(entry) && !index(entry)), ...head.filter(right)],
    };
}

/**
 * Whether an entry may be the rows of one of some tables. A space can belong to a name or end it, so that now and then it
 * only looks like that.
 *
 * @param tables names as the dump writes them
 */
export function mayHold(entry: string, tables: Iterable<string>): boolean {
    const [, listed = ""] = /^\d+; \d+ \d+ TABLE DATA (.*)$/.exec(entry) ?? [];
    return [...tables].some((table) => listed.startsWith(`${asListed(table)} `));
}

/** A qualified name as pg_restore lists it: without quotes, and in one line. */
function asListed(table: string): string {
    const parts = table.match(/"(?:[^"]|"")*"|[^."]+/g) ?? [];
    const names = parts.map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part));
    return Buffer.from(names.join(" ").replaceAll(/[\r\n]/g, " ")).toString("latin1");
}
