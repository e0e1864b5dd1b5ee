import { type CatalogueEntry, type Manifest, type Tier, tiers } from "../../contract/manifest";
import type { Published } from "./tier";

/** What a ConfigMap of the catalogue may hold, in bytes. */
export const roomInCluster = 256 * 1024;

/** The catalogue of the good ones among these backups: the newest first, a line each. */
export function catalogueOf(published: Published[]): string {
    const entries = published.flatMap(({ tier, manifest, good }) =>
        manifest !== undefined && good ? [entryOf(tier, manifest.content, manifest.sha256)] : [],
    );
    const rank = ({ tier }: CatalogueEntry) => tiers.indexOf(tier);
    const sorted = entries.sort(
        (a, b) => compare(b.stamp, a.stamp) || rank(a) - rank(b) || compare(a.subject, b.subject),
    );
    return sorted.map((entry) => `${JSON.stringify(entry)}\n`).join("");
}

/** The beginning of a text, as many whole lines as fit into so many bytes. */
export function wholeLines(text: string, bytes: number): string {
    const encoded = Buffer.from(text);
    return encoded.length <= bytes
        ? text
        : encoded.toString("utf8", 0, encoded.subarray(0, bytes).lastIndexOf("\n") + 1);
}

function entryOf(tier: Tier, manifest: Manifest, sha256: string): CatalogueEntry {
    const { backup, stamp, subject, format, files, databases, server, imageTag } = manifest;
    const tables = Object.values(databases).flatMap(({ tables }) => Object.values(tables));
    return {
        tier,
        backup,
        stamp,
        subject,
        format,
        bytes: sum(Object.values(files).map(({ bytes }) => bytes)),
        databaseBytes: sum(Object.values(databases).map(({ bytes }) => bytes)),
        rows: sum(tables.map(({ rows }) => rows)),
        server: server.version,
        systemIdentifier: server.systemIdentifier,
        ...(imageTag !== undefined && { imageTag }),
        manifest: sha256,
    };
}

function compare(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}

function sum(numbers: number[]): number {
    return numbers.reduce((total, number) => total + number, 0);
}
