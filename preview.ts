/** What an update would do, as far as the settings and the clusters' objects tell. */
import { plural } from "./agent/report";
import { type Generations, generationsOf } from "./components/generations";
import { tagOf } from "./contract/tag";
import { announced, describeAnnouncement } from "./preflight/announcement";
import { isRestored, newestBackup } from "./preflight/backup";
import { describeFences } from "./preflight/fences";
import { isInTheWay } from "./preflight/lease";
import { aged, backupRows } from "./preview/backup";
import { fatesOf, liveIn } from "./preview/fates";
import { lifecycleRows } from "./preview/lifecycle";
import { mediaRows, newerMediaRows } from "./preview/media";
import { risksOf } from "./preview/risks";
import { type Part, type Preview, type Summary, summaryOf } from "./preview/summary";
import { tableRows } from "./preview/tables";
import type { Settings } from "./settings";
import type { CopiedMedia } from "./settings/media";
import type { Sighting } from "./sighting";
import type { Row } from "./table";

/**
 * What an update would do, in words.
 *
 * @param stack `<project>/<stack>`
 * @param sighting undefined if the clusters could not be looked at
 */
export function previewOf(
    settings: Settings,
    stack: string,
    sighting: Sighting | undefined,
    now = Date.now(),
): Preview {
    return {
        summary: describeSummary(settings, stack, sighting, now),
        risks: risksOf(settings, stack, sighting, now),
        rows: previewRows(settings, sighting, now),
    };
}

/**
 * The same by names, in the order in which things happen.
 *
 * @param sighting undefined if the clusters could not be looked at
 */
export function previewRows(settings: Settings, sighting: Sighting | undefined, now = Date.now()): Row[] {
    const wanted = generationsOf(settings);
    const live = liveIn(sighting);
    const fates = fatesOf(settings, sighting);
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
        ...lifecycleRows(settings),
        ["a wipe", describeKept(settings)],
    ];

    function databaseRows(): Row[] {
        if (sighting === undefined || fates.database === "returns") {
            return [];
        }
        return fates.database === "stays"
            ? loadedRows(settings, sighting, now)
            : [...backupRows(settings, sighting, now), ...tableRows(settings, sighting)];
    }

    function rowsOf(copied: CopiedMedia): Row[] {
        if (sighting === undefined) {
            return [];
        }
        return fates.media === "stays" ? newerMediaRows(sighting, now) : mediaRows(copied, sighting, now);
    }

    function part(which: keyof Generations, work: string, keep: number): Row[] {
        const id = wanted[which];
        if (sighting === undefined) {
            return [[which, `generation ${id} is asked for; what is live could not be looked at`]];
        }
        if (fates[which] === "stays") {
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

/** What becomes of the copies and of the image, from when they are, and how one comes back. */
function describeSummary(settings: Settings, stack: string, sighting: Sighting | undefined, now: number): Summary {
    const { database, media, imageTag } = settings;
    const name = stack.slice(stack.indexOf("/") + 1);
    const fates = fatesOf(settings, sighting);
    const loaded = sighting?.report?.database.report?.stamp;
    const newest = sighting && newestBackup(settings, sighting)?.stamp;
    const asked =
        database.backup === "latest"
            ? `newest backup${newest === undefined ? "" : `, of ${aged(newest, now)}`}`
            : `backup of ${aged(database.backup, now)}`;
    const files: Part = { name: "the media", fate: fates.media, origin: "the media come from production's files" };
    const parts = [
        { name: "the database", fate: fates.database, origin: `the database comes from production's ${asked}` },
        ...(media.mode === "copy" ? [files] : []),
    ];
    const runs = runningTag(sighting);
    const isLost = fates.database === "replaced" && database.keepGenerations === 0;
    const more = [
        ...(loaded === undefined ? [] : [`In use is the backup of ${aged(loaded, now)}.`]),
        ...(runs === undefined || runs === imageTag ? [] : [`Image tag ${imageTag} takes the place of ${runs}.`]),
        ...(fates.database === "replaced" && !isLost
            ? [`The way back is understudy rollback ${name}: the former copy is kept.`]
            : []),
    ];
    return summaryOf(name, parts, more);
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

function runningTag(sighting: Sighting | undefined): string | undefined {
    return sighting?.application === undefined ? undefined : tagOf(sighting.application.image);
}

function describeTag(tag: string, sighting: Sighting | undefined): string {
    const runs = runningTag(sighting);
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
