/** What an update would do, as far as the settings and the target's objects tell. */
import { formatAge, formatBytes, plural } from "../agent/report";
import { type Generations, generationsOf } from "../components/generations";
import type { Live } from "../contract/event";
import type { CatalogueEntry } from "../contract/manifest";
import { type DatabaseReport, rowsIn } from "../contract/report";
import { tagOf } from "../contract/tag";
import { backupAsked, newestBackup } from "../preflight/backup";
import type { Settings } from "../settings";
import type { Sighting } from "../sighting";
import { ageOf, type Row, table } from "./live";

/** How many objects the engine would treat how: its own words for it, such as `create`, `same` or `replace`. */
export type ObjectChanges = Partial<Record<string, number>>;

/** What an update begins with. */
export interface Present {
    /** The clusters, unless they could not be looked at. */
    sighting: Sighting | undefined;
    /** What is live, as far as the last switch still tells. */
    live: Live | undefined;
}

/** What an update would do, in words. */
export function describePreview(
    settings: Settings,
    { sighting, live: report }: Present,
    changes: ObjectChanges,
    now = Date.now(),
): string {
    const wanted = generationsOf(settings);
    const live = sighting?.live ?? sighting?.application?.generations;
    const { database, media } = settings;
    const from = database.backup === "latest" ? "the latest backup" : `backup ${database.backup}`;
    const rows: Row[] = [
        ["database", part("database", `refreshed from ${from}`, database.keepGenerations)],
        ...backupRows(),
        ["media", part("media", "copied from production", media.keepGenerations)],
        ["image tag", describeTag(settings.imageTag, sighting)],
        ["objects", describeObjects(changes)],
        ["a wipe", describeKept(settings)],
    ];
    return table(rows);

    function backupRows(): Row[] {
        const loaded = report?.database.report ?? undefined;
        if (sighting === undefined) {
            return [];
        }
        if (live?.database === wanted.database) {
            const newest = newestBackup(settings, sighting)?.stamp;
            return [
                ...(loaded === undefined ? [] : [["loaded", `backup ${aged(loaded.stamp, now)}`] satisfies Row]),
                ...(loaded === undefined || newest === undefined || newest <= loaded.stamp
                    ? []
                    : [["newer", `backup ${aged(newest, now)}`] satisfies Row]),
            ];
        }
        const asked = backupAsked(settings, sighting);
        return asked === undefined
            ? []
            : [
                  ["backup", describeBackup(asked, now)],
                  ...(loaded === undefined ? [] : [["changes", describeChange(asked, loaded, now)] satisfies Row]),
              ];
    }

    function part(which: keyof Generations, work: string, keep: number): string {
        const id = wanted[which];
        if (sighting === undefined) {
            return `generation ${id} is asked for; what is live could not be looked at`;
        }
        if (live?.[which] === id) {
            return `stays as it is, generation ${id}`;
        }
        if (live === undefined) {
            return `is ${work}: generation ${id}, the first one`;
        }
        return `is ${work}: generation ${id} in place of ${live[which]}, at once if it is still there; ${keptOf(keep)}`;
    }
}

function aged(stamp: string, now: number): string {
    return `${stamp} (${formatAge(ageOf(stamp, now))} old)`;
}

function describeBackup({ stamp, rows, databaseBytes, bytes, server, imageTag }: CatalogueEntry, now: number): string {
    const tag = imageTag === undefined ? "" : `, made under tag ${imageTag}`;
    return (
        `${aged(stamp, now)}: ${plural(rows, "row")}, ${formatBytes(databaseBytes)}, stored in ${formatBytes(bytes)}, ` +
        `of PostgreSQL ${server}${tag}`
    );
}

/** What comes with a backup in place of what is loaded, and how long that took. */
function describeChange({ rows, databaseBytes }: CatalogueEntry, loaded: DatabaseReport, now: number): string {
    const before = rowsIn(loaded.tables);
    const seconds = loaded.phases.reduce((sum, phase) => sum + phase.seconds, 0);
    return (
        `${difference(rows - before, (more) => plural(more, "row"))} and ` +
        `${difference(databaseBytes - loaded.databaseBytes, formatBytes)} than in what is loaded, backup ` +
        `${aged(loaded.stamp, now)}, which took ${seconds.toFixed(1)} s`
    );
}

function difference(change: number, describe: (size: number) => string): string {
    return `${describe(Math.abs(change))} ${change < 0 ? "less" : "more"}`;
}

function keptOf(keep: number): string {
    return keep === 0
        ? "no former copy is kept"
        : `${keep === 1 ? "1 former copy is" : `${keep} former copies are`} kept`;
}

function describeTag(tag: string, sighting: Sighting | undefined): string {
    const runs = sighting?.application === undefined ? undefined : tagOf(sighting.application.image);
    return runs === undefined || runs === tag ? tag : `${tag} takes the place of ${runs}`;
}

/** What the engine calls replacing is several steps, of which one counts. */
const words: Record<string, string> = {
    create: "made",
    update: "changed",
    replace: "made anew",
    delete: "removed",
    same: "unchanged",
};

function describeObjects(changes: ObjectChanges): string {
    const parts = Object.entries(words).flatMap(([kind, word]) => {
        const count = changes[kind] ?? 0;
        return count === 0 ? [] : `${count} ${word}`;
    });
    return parts.join(", ") || "none";
}

function describeKept({ database: { server }, removeDatabaseVolume, removeMediaVolume }: Settings): string {
    const volumes = { ...(server === undefined && { database: removeDatabaseVolume }), media: removeMediaVolume };
    const kept = Object.entries(volumes).flatMap(([name, removed]) => (removed ? [] : name));
    const all = server === undefined ? "both volumes" : "the media volume";
    const rest = server === undefined ? "" : `; the databases stay on ${server.host}:${server.port}`;
    return kept.length === 0
        ? `would remove ${all}${rest}`
        : `would keep ${plural(kept.length, "volume")}: ${kept.join(" and ")}${rest}`;
}
