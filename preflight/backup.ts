/** What production's side has published of the backups that a stack may ask for. */
import { type CatalogueEntry, serverSubject } from "../contract/manifest";
import type { Settings } from "../settings";
import type { Sighting } from "../sighting";

/** The backup that the settings ask for; undefined if it is not in the catalogue, as those without a manifest are not. */
export function backupAsked(settings: Settings, sighting: Sighting): CatalogueEntry | undefined {
    const { backup } = settings.database;
    return backup === "latest"
        ? newestBackup(settings, sighting)
        : backupsOf(settings, sighting).find(({ stamp }) => stamp === backup);
}

/** The newest backup of the application's database, or of production's server. */
export function newestBackup(settings: Settings, sighting: Sighting): CatalogueEntry | undefined {
    return backupsOf(settings, sighting).sort((a, b) => (a.stamp < b.stamp ? 1 : -1))[0];
}

function backupsOf({ database: { dump, name } }: Settings, { catalogue = [] }: Sighting): CatalogueEntry[] {
    return catalogue.filter(({ subject }) => subject === (dump === "server" ? serverSubject : name));
}
