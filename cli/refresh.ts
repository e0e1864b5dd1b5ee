import { ageOf } from "../agent/backup/age";
import { formatAge } from "../agent/report";
import type { Survey } from "../contract/survey";
import type { Settings } from "../settings";

/** What is to be refreshed, and from what. */
export interface RefreshRequest {
    /** Only one half; both if left out. */
    only?: "database" | "media";
    /** Stamp of the backup; the newest if left out. */
    to?: string;
}

/** What is written to the stack file, by the settings' paths such as `database.backup`. */
export type Changes = Record<string, string>;

/** The settings as they will be when the changes are written. */
export function applied(settings: Settings, changes: Changes): Settings {
    const result = structuredClone(settings);
    for (const [path, value] of Object.entries(changes)) {
        const [key = "", inner] = path.split(".");
        const outer = result as Record<string, unknown>;
        const place = inner === undefined ? outer : (outer[key] as Record<string, unknown>);
        place[inner ?? key] = value;
    }
    return result;
}

/**
 * That there is nothing newer to load, in one line; undefined if there is, and where nobody knows: what is loaded, or
 * what there is to be loaded.
 */
export function upToDate({ backups, databases }: Survey, now = Date.now()): string | undefined {
    const loaded = databases.find(({ state }) => state === "live")?.report?.stamp;
    const newest = backups[0]?.stamp;
    return loaded === undefined || newest === undefined || newest > loaded
        ? undefined
        : `Nothing is newer than what is loaded: backup ${loaded} (${formatAge(ageOf(loaded, now))} old).`;
}

/**
 * What has to be written to the stack file for a refresh: the stamp of a backup, and for the media another text. A
 * database that is asked for from the newest backup already is left alone, unless that backup is named: then another
 * copy of it is wanted, as after a candidate has migrated.
 *
 * @throws Error when there is no such backup, or no copy of the media
 */
export function refreshed(
    settings: Settings,
    { backups, problems }: Pick<Survey, "backups" | "problems">,
    { only, to }: RefreshRequest,
    now = new Date(),
): Changes {
    const changes: Changes = {};
    const again = now.toISOString().replace(/\.\d+/, "");
    if (only !== "media") {
        const chosen = to === undefined ? backups[0] : backups.find(({ stamp }) => stamp === to);
        if (chosen === undefined) {
            const known = backups.slice(0, 5).map(({ stamp }) => stamp);
            const why = known.length === 0 ? problems.join(" ") : `the newest are ${known.join(", ")}.`;
            throw new Error(`There is no backup${to === undefined ? "" : ` with stamp ${to}`}: ${why}`);
        }
        if (chosen.stamp !== settings.database.backup) {
            changes["database.backup"] = chosen.stamp;
        } else if (to !== undefined) {
            changes["database.refresh"] = again;
        }
    }
    if (only === "media" && settings.media.mode !== "copy") {
        throw new Error("The media are production's own (media.mode: share-read-only): there is nothing to refresh.");
    }
    if (only !== "database" && settings.media.mode === "copy") {
        changes["media.refresh"] = again;
    }
    return changes;
}
