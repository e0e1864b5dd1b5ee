/** What an update would do, as far as the settings and the clusters' objects tell. */
import { plural } from "./agent/report";
import { type Generations, generationsOf } from "./components/generations";
import { tagOf } from "./contract/tag";
import { announced, describeAnnouncement } from "./preflight/announcement";
import { isRestored, newestBackup } from "./preflight/backup";
import { describeFences } from "./preflight/fences";
import { isInTheWay } from "./preflight/lease";
import { aged, backupRows } from "./preview/backup";
import { mediaRows, newerMediaRows } from "./preview/media";
import { tableRows } from "./preview/tables";
import type { Settings } from "./settings";
import type { CopiedMedia } from "./settings/media";
import type { Sighting } from "./sighting";
import type { Row } from "./table";

/**
 * What an update would do, in words.
 *
 * @param sighting undefined if the clusters could not be looked at
 */
export function previewRows(settings: Settings, sighting: Sighting | undefined, now = Date.now()): Row[] {
    const wanted = generationsOf(settings);
    // What the application mounts, when the last switch has failed.
    const live = sighting?.live ?? sighting?.application?.generations;
    const { database, media } = settings;
    const from = database.backup === "latest" ? "the latest backup" : `backup ${database.backup}`;
    return [
        ...part("database", `refreshed from ${from}`, database.keepGenerations),
        ...databaseRows(),
        ...(media.mode === "copy"
            ? [...part("media", "copied from production", media.keepGenerations), ...rowsOf(media)]
            : [["media", "production's own, read where they are and never written to"] satisfies Row]),
        ["image tag", describeTag(settings.imageTag, sighting)],
        ...(sighting === undefined ? [] : fenceRows(settings, sighting, now)),
        ["a wipe", describeKept(settings)],
    ];

    function databaseRows(): Row[] {
        if (sighting === undefined) {
            return [];
        }
        if (live?.database === wanted.database) {
            return loadedRows(settings, sighting, now);
        }
        return sighting.report?.kept.includes(wanted.database) === true
            ? []
            : [...backupRows(settings, sighting, now), ...tableRows(settings, sighting)];
    }

    function rowsOf(copied: CopiedMedia): Row[] {
        if (sighting === undefined) {
            return [];
        }
        return live?.media === wanted.media ? newerMediaRows(sighting, now) : mediaRows(copied, sighting, now);
    }

    function part(which: keyof Generations, work: string, keep: number): Row[] {
        const id = wanted[which];
        if (sighting === undefined) {
            return [[which, `generation ${id} is asked for; what is live could not be looked at`]];
        }
        if (live?.[which] === id) {
            return [[which, `stays as it is, generation ${id}`]];
        }
        if (live === undefined) {
            return [[which, `is ${work}: generation ${id}, the first one`]];
        }
        const maybe = which === "database" && isRestored(settings, sighting) ? "" : ", at once if it is still there";
        return [
            [which, `is ${work}`],
            ["", `generation ${id} in place of ${live[which]}${maybe}; ${keptOf(keep)}`],
        ];
    }
}

/** What was done so that production is not the target, what people were told of, and who is at it. */
function fenceRows(settings: Settings, sighting: Sighting, now: number): Row[] {
    const { lease } = sighting;
    const announcement = announced(sighting, now);
    return [
        ["fences", describeFences(settings, sighting)],
        ...(announcement === undefined ? [] : [["announced", describeAnnouncement(announcement)] satisfies Row]),
        ...(lease !== undefined && isInTheWay(lease, now)
            ? [["in work", `${lease.holder} is changing the replica, since ${lease.since}`] satisfies Row]
            : []),
    ];
}

/** How old what stays is, and that there is something newer. */
function loadedRows(settings: Settings, sighting: Sighting, now: number): Row[] {
    const loaded = sighting.report?.database.report?.stamp;
    const newest = newestBackup(settings, sighting)?.stamp;
    return loaded === undefined
        ? []
        : [
              ["loaded", `backup ${aged(loaded, now)}`],
              ...(newest === undefined || newest <= loaded
                  ? []
                  : [["newer", `backup ${aged(newest, now)}`] satisfies Row]),
          ];
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

function describeKept({ database: { server }, media, removeDatabaseVolume, removeMediaVolume }: Settings): string {
    const volumes = {
        ...(server === undefined && { database: removeDatabaseVolume }),
        ...(media.mode === "copy" && { media: removeMediaVolume }),
    };
    const kept = Object.entries(volumes).flatMap(([name, removed]) => (removed ? [] : name));
    const [one = "no volume", other] = Object.keys(volumes).map((name) => `the ${name} volume`);
    const all = other === undefined ? one : "both volumes";
    const rest = server === undefined ? "" : `; the databases stay on ${server.host}:${server.port}`;
    return kept.length === 0
        ? `would remove ${all}${rest}`
        : `would keep ${plural(kept.length, "volume")}: ${kept.join(" and ")}${rest}`;
}
