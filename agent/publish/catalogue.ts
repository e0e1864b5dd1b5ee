import { type ContentsEntry, contentsFile } from "../../contract/contents";
import {
    type AnyManifest,
    type CatalogueEntry,
    catalogueFile,
    type Manifest,
    type Tier,
    tiers,
} from "../../contract/manifest";
import type { Published } from "./tier";

/** What the ConfigMap of the catalogue may hold, in bytes. */
export const roomInCluster = 256 * 1024;

/** The part of it that is for contents, which need it only where there are hundreds of tables. */
const roomForContents = roomInCluster / 2;

/** The catalogue of the good ones among these backups: the newest first, a line each. */
export function catalogueOf(published: Published[]): string {
    const entries = published.flatMap(({ tier, manifest, good }) =>
        manifest !== undefined && good ? [entryOf(tier, manifest.content, manifest.sha256)] : [],
    );
    const rank = ({ tier }: CatalogueEntry) => tiers.indexOf(tier);
    return linesOf(
        entries.sort((a, b) => compare(b.stamp, a.stamp) || rank(a) - rank(b) || compare(a.subject, b.subject)),
    );
}

/** What the cluster gets to know of these backups: their catalogue, cut where it has no room, and the newest ones' contents. */
export function toldToCluster(published: Published[]): Record<string, string> {
    const contents = contentsOf(published, roomForContents);
    const room = roomInCluster - Buffer.byteLength(contents);
    return { [catalogueFile]: wholeLines(catalogueOf(published), room), [contentsFile]: contents };
}

/**
 * What the newest good backup of each subject holds, a line for each of its databases. None is for those of MySQL, whose
 * replicas stand on hosts and do not ask the cluster. They share the room, which is in
 * bytes: what small ones leave, large ones take.
 */
export function contentsOf(published: Published[], room: number): string {
    const manifests = published.flatMap(({ manifest, good }) =>
        manifest !== undefined && good && isPostgres(manifest.content) ? manifest.content : [],
    );
    const newest = new Map(manifests.sort((a, b) => compare(a.stamp, b.stamp)).map((one) => [one.subject, one]));
    const whole = [...newest.values()].flatMap(databasesIn).sort((a, b) => sizeOf(a) - sizeOf(b));
    let left = room;
    const fitting = whole.flatMap((entry, at) => {
        const cut = cutTo(entry, Math.floor(left / (whole.length - at)));
        left -= cut === undefined ? 0 : sizeOf(cut);
        return cut ?? [];
    });
    return linesOf(fitting);
}

function isPostgres(manifest: AnyManifest): manifest is Manifest {
    return "databases" in manifest;
}

function databasesIn({ stamp, subject, databases }: Manifest): ContentsEntry[] {
    return Object.entries(databases).map(([database, { bytes, extensions, migrations, tables }]) => ({
        ...{ stamp, subject, database, bytes, extensions },
        ...(migrations !== undefined && { migrations }),
        tables,
    }));
}

/** The same with as many of its largest tables as fit into so many bytes; undefined if it does not fit without any. */
function cutTo(entry: ContentsEntry, bytes: number): ContentsEntry | undefined {
    if (sizeOf(entry) <= bytes) {
        return entry;
    }
    const all = Object.entries(entry.tables).sort(([, a], [, b]) => b.bytes - a.bytes);
    const restOf = (tables: typeof all) => ({
        tables: tables.length,
        rows: sum(tables.map(([, { rows }]) => rows)),
        bytes: sum(tables.map(([, { bytes }]) => bytes)),
    });
    // The sums of all are the longest that there can be.
    let left = bytes - sizeOf({ ...entry, tables: {}, rest: restOf(all) });
    const count = all.findIndex(([name, table]) => {
        left -= Buffer.byteLength(`${JSON.stringify({ [name]: table })}`) - 1;
        return left < 0;
    });
    const kept = Object.fromEntries(all.slice(0, count));
    const cut = { ...entry, tables: kept, rest: restOf(all.slice(count)) };
    return sizeOf(cut) <= bytes ? cut : undefined;
}

/** Bytes of an entry's line. */
function sizeOf(entry: ContentsEntry): number {
    return Buffer.byteLength(linesOf([entry]));
}

function linesOf(entries: object[]): string {
    return entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
}

/** The beginning of a text, as many whole lines as fit into so many bytes. */
export function wholeLines(text: string, bytes: number): string {
    const encoded = Buffer.from(text);
    return encoded.length <= bytes
        ? text
        : encoded.toString("utf8", 0, encoded.subarray(0, bytes).lastIndexOf("\n") + 1);
}

function entryOf(tier: Tier, manifest: AnyManifest, sha256: string): CatalogueEntry {
    const { backup, stamp, subject, format, server, imageTag } = manifest;
    const { bytes, databaseBytes, rows } = summaryOf(manifest);
    return {
        ...{ tier, backup, stamp, subject, format, bytes, databaseBytes, rows },
        server: server.version,
        systemIdentifier: "id" in server ? server.id : server.systemIdentifier,
        ...(imageTag !== undefined && { imageTag }),
        manifest: sha256,
    };
}

/** What a backup comes to: bytes as stored and of its databases, rows and tables. */
export function summaryOf(manifest: AnyManifest) {
    const databases = isPostgres(manifest) ? Object.values(manifest.databases) : [];
    const tables = isPostgres(manifest)
        ? databases.flatMap(({ tables }) => Object.values(tables))
        : Object.values(manifest.tables);
    return {
        bytes: sum(Object.values(manifest.files).map(({ bytes }) => bytes)),
        databaseBytes: isPostgres(manifest) ? sum(databases.map(({ bytes }) => bytes)) : manifest.databaseBytes,
        rows: sum(tables.map(({ rows }) => rows)),
        tables: tables.length,
    };
}

function compare(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}

function sum(numbers: number[]): number {
    return numbers.reduce((total, number) => total + number, 0);
}
