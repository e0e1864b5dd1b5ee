/** What production's side has published of the backups that a stack may ask for, and what that says against one. */
import { ageProblem, described } from "../agent/backup/age";
import { generationsOf } from "../components/generations";
import { replicaClaim } from "../components/volumes";
import { inProduction } from "../contract";
import type { ContentsEntry } from "../contract/contents";
import { type CatalogueEntry, catalogueConfigMap, serverSubject } from "../contract/manifest";
import type { Settings } from "../settings";
import { databasesOf } from "../settings/database";
import type { Sighting } from "../sighting";

/** Name that the application's database has in production. */
function applicationsIn({ database }: Settings): string {
    return inProduction(databasesOf(database)[0]).name;
}

/**
 * The backup that the settings ask for; undefined if it is not in the catalogue, as those without a manifest are not.
 *
 * @param name of a database in production, the application's if left out
 */
export function backupAsked(
    settings: Settings,
    sighting: Sighting,
    name = applicationsIn(settings),
): CatalogueEntry | undefined {
    const { backup } = settings.database;
    return backup === "latest"
        ? newestBackup(settings, sighting, name)
        : backupsOf(settings, sighting, name).find(({ stamp }) => stamp === backup);
}

/** The newest backup of a database, the application's if none is named, or of production's server. */
export function newestBackup(
    settings: Settings,
    sighting: Sighting,
    name = applicationsIn(settings),
): CatalogueEntry | undefined {
    return backupsOf(settings, sighting, name)[0];
}

/** What the backup that is asked for holds of a database; undefined unless it is the newest one, which alone is told of. */
export function contentsAsked(settings: Settings, sighting: Sighting, name: string): ContentsEntry | undefined {
    const asked = backupAsked(settings, sighting, name);
    return sighting.contents?.find(
        ({ stamp, subject, database }) => stamp === asked?.stamp && subject === asked.subject && database === name,
    );
}

/**
 * Whether the database's copy is surely made anew. One that may be there, kept from before, is taken whatever its backup's
 * age is, and whether that is still in the store.
 */
export function isRestored(settings: Settings, { live, report, claims = {} }: Sighting): boolean {
    const { database } = generationsOf(settings);
    if (live === undefined) {
        return settings.database.server === undefined && claims[replicaClaim("database")] === undefined;
    }
    return live.database !== database && report !== undefined && !report.kept.includes(database);
}

/** What speaks against the backup that is asked for, if it is surely to be restored: at most one sentence. */
export function backupObjections(settings: Settings, sighting: Sighting, now = Date.now()): string[] {
    const names = databasesOf(settings.database).map((one) => inProduction(one).name);
    return isRestored(settings, sighting)
        ? (settings.database.dump === "server" ? names.slice(0, 1) : names)
              .flatMap((one) => objectionsTo(settings, sighting, one, now))
              .slice(0, 1)
        : [];
}

function objectionsTo(settings: Settings, sighting: Sighting, name: string, now: number): string[] {
    const { dump, backup, maximumAge } = settings.database;
    const listed = backupsOf(settings, sighting, name).map(({ stamp }) => stamp);
    const [newest] = listed;
    // A later one may have come since, and one without a manifest is never listed.
    if (newest !== undefined && !listed.includes(backup) && Date.parse(backup) < Date.parse(newest)) {
        return [
            `The catalogue of production's backups (ConfigMap ${catalogueConfigMap} in ${settings.source.namespace}) has no ` +
                `hourly backup of ${described({ dump, name })} with stamp ${backup}; the newest are ` +
                `${listed.slice(0, 3).join(", ")}: set database.backup to one of these, or to latest.`,
        ];
    }
    const stamp = backup === "latest" ? newest : backup;
    const problem = stamp && ageProblem({ dump, backup, maximumAge, name }, stamp, now);
    return problem ? [problem] : [];
}

/** Of one database or of the whole server, the newest first. Replicas read the hourly tier alone. */
function backupsOf({ database: { dump } }: Settings, { catalogue = [] }: Sighting, name: string): CatalogueEntry[] {
    const wanted = dump === "server" ? serverSubject : name;
    return catalogue
        .filter(({ tier, subject }) => tier === "hourly" && subject === wanted)
        .sort((a, b) => (a.stamp < b.stamp ? 1 : -1));
}
