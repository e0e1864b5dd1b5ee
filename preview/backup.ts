/** The backup that a refresh would load, and what loading it takes. */
import { ageOf } from "../agent/backup/age";
import { formatAge, formatBytes, plural } from "../agent/report";
import { replicaClaim } from "../components/volumes";
import { inProduction } from "../contract";
import type { CatalogueEntry } from "../contract/manifest";
import { type DatabaseReport, rowsIn } from "../contract/report";
import { backupAsked, contentsAsked } from "../preflight/backup";
import type { Settings } from "../settings";
import { databasesOf } from "../settings/database";
import type { Sighting } from "../sighting";
import type { Row } from "../table";

/** Rows and bytes of all databases of a copy. */
interface Size {
    rows: number;
    bytes: number;
}

/** Which backup it would be, how much it holds and how much is loaded, how long it would take, and the room it needs. */
export function backupRows(settings: Settings, sighting: Sighting, now: number): Row[] {
    const asked = backupAsked(settings, sighting);
    const size = sizeAsked(settings, sighting);
    const loaded = loadedReports(sighting);
    const [application] = loaded;
    const rows: (Row | undefined)[] = [
        ["backup", asked === undefined ? unlisted(settings, now) : describeBackup(asked, now)],
        asked && [
            "proof",
            "a manifest: SHA-256 of its files, of the rows of each table and of the large objects; positions of its sequences",
        ],
        size && ["holds", sized(size)],
        application && ["loaded", `${sized(sizeOf(loaded))}, from backup ${aged(application.stamp, now)}`],
        application && ["takes", describeDuration(loaded, sighting.report?.database.awayMs ?? null, size?.bytes)],
        size && ["room", describeRoom(settings, sighting, size.bytes)],
    ];
    return rows.filter((row) => row !== undefined);
}

/** A stamp with its age. */
export function aged(stamp: string, now: number): string {
    return `${stamp} (${formatAge(ageOf(stamp, now))} old)`;
}

/** Reports of what is loaded, the application's database first; none of a database that nobody knows of. */
function loadedReports({ report }: Sighting): DatabaseReport[] {
    const { database } = report ?? {};
    return [database?.report, ...(database?.others ?? []).map((other) => other.report)].filter((one) => one != null);
}

function describeBackup({ stamp, bytes, server, imageTag }: CatalogueEntry, now: number): string {
    const tag = imageTag === undefined ? "" : `, made under tag ${imageTag}`;
    return `${aged(stamp, now)}, stored in ${formatBytes(bytes)}, of PostgreSQL ${server}${tag}`;
}

function unlisted({ database: { backup } }: Settings, now: number): string {
    return backup === "latest"
        ? "which one that is the restore finds out: there is no catalogue of production's to read"
        : `${aged(backup, now)}, in no catalogue of production's: the restore finds out what it holds`;
}

/** What the copy would come to; undefined where the catalogue does not tell of all of its databases. */
function sizeAsked(settings: Settings, sighting: Sighting): Size | undefined {
    const names = databasesOf(settings.database).map((one) => inProduction(one).name);
    const contents = names.flatMap((name) => contentsAsked(settings, sighting, name) ?? []);
    if (contents.length === names.length) {
        return sum(contents.map(({ bytes, tables, rest }) => ({ bytes, rows: rowsIn(tables) + (rest?.rows ?? 0) })));
    }
    const entries = names.flatMap((name) => backupAsked(settings, sighting, name) ?? []);
    return settings.database.dump === "server" || entries.length < names.length
        ? undefined
        : sum(entries.map(({ rows, databaseBytes }) => ({ rows, bytes: databaseBytes })));
}

function sizeOf(loaded: DatabaseReport[]): Size {
    return sum(loaded.map(({ tables, databaseBytes }) => ({ rows: rowsIn(tables), bytes: databaseBytes })));
}

function sum(sizes: Size[]): Size {
    return sizes.reduce((total, one) => ({ rows: total.rows + one.rows, bytes: total.bytes + one.bytes }));
}

function sized({ rows, bytes }: Size): string {
    return `${plural(rows, "row")}, ${formatBytes(bytes)}`;
}

/** What the last copy took, and what that comes to for one of so many bytes. */
function describeDuration(loaded: DatabaseReport[], awayMs: number | null, bytes: number | undefined): string {
    const seconds = loaded.flatMap(({ phases }) => phases).reduce((total, phase) => total + phase.seconds, 0);
    const before = sizeOf(loaded).bytes;
    // A clone copies files: it says nothing of a restore.
    const cloned = loaded.some(({ base }) => base !== undefined);
    const about = cloned || bytes === undefined || before === 0 ? "" : `about ${took((seconds * bytes) / before)}; `;
    const away = awayMs === null ? "" : `, and the database was away for ${awayMs} ms`;
    return `${about}the last took ${took(seconds)} for ${formatBytes(before)}${cloned ? ", as a clone" : ""}${away}`;
}

function took(seconds: number): string {
    return seconds < 60 ? `${seconds.toFixed(1)} s` : formatAge(seconds);
}

function describeRoom({ database }: Settings, { claims = {}, report }: Sighting, bytes: number): string {
    const { server, volume, keepBase } = database;
    const needed = keepBase ? `about ${formatBytes(2 * bytes)}, a base included,` : `about ${formatBytes(bytes)}`;
    if (server !== undefined) {
        return `${needed} more on ${server.host}:${server.port}`;
    }
    const left = report?.room.database;
    const there = left === undefined ? "" : `, which had ${formatBytes(left)} left after the last switch`;
    return `${needed} more on the volume of ${claims[replicaClaim("database")]?.size ?? volume}${there}`;
}
