/** What a refresh changes, table by table, in migrations and in extensions. */
import { formatBytes, plural } from "../agent/report";
import { inProduction } from "../contract";
import type { ContentsEntry } from "../contract/contents";
import type { DatabaseReport } from "../contract/report";
import { backupAsked, contentsAsked, newestBackup } from "../preflight/backup";
import type { Settings } from "../settings";
import { databasesOf } from "../settings/database";
import type { Sighting } from "../sighting";
import type { Row } from "../table";

/** Tables that are told of one by one. */
const most = 10;

/** A database before and after a refresh. */
interface Pair {
    /** What stands before its names where there are several databases; empty where there is one. */
    prefix: string;
    next: ContentsEntry;
    loaded: DatabaseReport;
}

/** A table that a refresh changes. */
interface Change {
    name: string;
    text: string;
    /** By how much: the largest come first. */
    weight: number;
}

/** What becomes of a table that does not change, as far as is known. */
type Unchanged = "same" | "alike";

/** How what is loaded differs from what would be; nothing where either is not known. */
export function tableRows(settings: Settings, sighting: Sighting): Row[] {
    const databases = databasesOf(settings.database);
    const pairs = databases.flatMap((one, at) => {
        const { name } = one;
        const prefix = databases.length === 1 ? "" : `${name}: `;
        const next = contentsAsked(settings, sighting, inProduction(one).name);
        const { database } = sighting.report ?? {};
        const loaded = at === 0 ? database?.report : database?.others.find((other) => other.name === name)?.report;
        return next === undefined || loaded == null ? [] : { prefix, next, loaded };
    });
    const [asked, newest] = [backupAsked(settings, sighting), newestBackup(settings, sighting)];
    if (asked?.stamp !== newest?.stamp && sighting.contents !== undefined && newest !== undefined) {
        return [["tables", `are told of the newest backup alone, ${newest.stamp}`]];
    }
    return [
        ...under("tables", describeTables(pairs)),
        ...under("migrations", pairs.flatMap(describeMigrations)),
        ...under("extensions", pairs.flatMap(describeExtensions)),
    ];
}

/** Lines under one name. */
function under(name: string, lines: string[]): Row[] {
    return lines.map((line, at) => [at === 0 ? name : "", line]);
}

function describeTables(pairs: Pair[]): string[] {
    const all = pairs.flatMap(compare);
    const changes = all.filter((one) => typeof one !== "string").sort((a, b) => b.weight - a.weight);
    const shown = changes.slice(0, most);
    const width = Math.max(...shown.map(({ name }) => name.length));
    const more = changes.length - shown.length;
    const counted = (kind: Unchanged) => all.filter((one) => one === kind).length;
    const rest = [
        ...(more === 0 ? [] : [`${more} more ${more === 1 ? "table differs" : "tables differ"}`]),
        ...(counted("same") === 0 ? [] : [`${plural(counted("same"), "table")} with the same data`]),
        ...(counted("alike") === 0 ? [] : [`${plural(counted("alike"), "table")} with as many rows and bytes`]),
    ];
    return [
        ...shown.map(({ name, text }) => `${name.padEnd(width)}  ${text}`),
        ...pairs.flatMap(describeRest),
        ...(rest.length === 0 ? [] : [rest.join("; ")]),
    ];
}

/** Every table of both that can be told of by itself. */
function compare({ prefix, next, loaded }: Pair): (Change | Unchanged)[] {
    const gone = next.rest === undefined ? Object.keys(loaded.tables).filter((name) => !(name in next.tables)) : [];
    return [
        ...Object.entries(next.tables).map(([name, after]): Change | Unchanged => {
            const before = loaded.tables[name];
            const named = { name: prefix + name, weight: Math.abs(after.bytes - (before?.bytes ?? 0)) };
            if (before === undefined) {
                return { ...named, text: `new: ${plural(after.rows, "row")}, ${formatBytes(after.bytes)}` };
            }
            if (before.sha256 === after.sha256) {
                return "same";
            }
            const differs = before.rows !== after.rows || before.bytes !== after.bytes;
            if (!differs && before.sha256 === undefined) {
                return "alike";
            }
            return { ...named, text: differs ? difference(before, after) : "other data, as many rows and bytes" };
        }),
        ...gone.map((name): Change => {
            const { rows, bytes } = loaded.tables[name] ?? { rows: 0, bytes: 0 };
            return { name: prefix + name, weight: bytes, text: `goes: ${plural(rows, "row")}, ${formatBytes(bytes)}` };
        }),
    ];
}

/** The tables that production's side could only add up. */
function describeRest({ prefix, next, loaded }: Pair): string[] {
    if (next.rest === undefined) {
        return [];
    }
    const others = Object.entries(loaded.tables).flatMap(([name, table]) => (name in next.tables ? [] : table));
    const before = {
        rows: others.reduce((sum, { rows }) => sum + rows, 0),
        bytes: others.reduce((sum, { bytes }) => sum + bytes, 0),
    };
    return [`${prefix}${plural(next.rest.tables, "smaller table")} together: ${difference(before, next.rest)}`];
}

function difference(before: { rows: number; bytes: number }, after: { rows: number; bytes: number }): string {
    const rows = moreOrLess(after.rows - before.rows, (count) => plural(count, "row"));
    return `${rows}, ${moreOrLess(after.bytes - before.bytes, formatBytes)}`;
}

function moreOrLess(change: number, describe: (size: number) => string): string {
    return `${describe(Math.abs(change))} ${change < 0 ? "less" : "more"}`;
}

function describeMigrations({ prefix, next, loaded }: Pair): string[] {
    const [after = "not known", before = "not known"] = [next.migrations, loaded.migrations];
    if (next.migrations === undefined && loaded.migrations === undefined) {
        return [];
    }
    return [
        `${prefix}${after === before ? `${after}, as loaded` : `production's newest is ${after}, loaded is ${before}`}`,
    ];
}

function describeExtensions({ prefix, next, loaded }: Pair): string[] {
    const names = new Set([...Object.keys(next.extensions), ...Object.keys(loaded.extensions)]);
    const lines = [...names].sort().flatMap((name) => {
        const [after, before] = [next.extensions[name], loaded.extensions[name]];
        if (after === before) {
            return [];
        }
        if (before === undefined) {
            return `${name} ${after} is new`;
        }
        return after === undefined ? `${name} ${before} goes` : `${name} ${after} in production, ${before} loaded`;
    });
    return lines.length === 0 ? [] : [prefix + lines.join("; ")];
}
