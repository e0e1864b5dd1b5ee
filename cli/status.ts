import { ageOf } from "../agent/backup/age";
import { formatAge, formatBytes, plural } from "../agent/report";
import { publicUrl } from "../components/address";
import type { Live } from "../contract/event";
import type { Survey } from "../contract/survey";
import { tagOf } from "../contract/tag";
import { describeExpiry, staleness } from "../lifecycle/expiry";
import { type Announcement, announced, describeAnnouncement } from "../preflight/announcement";
import { isInTheWay } from "../preflight/lease";
import type { FailedRun } from "../record";
import type { Settings } from "../settings";
import { whereIs } from "../settings/store";
import type { Sighting } from "../sighting";
import { type Row, table } from "../table";
import { databaseRows, mediaRows, referenceRows } from "./live";
import { type MailStatus, mailOf, mailRows } from "./mail";
import { ageInCluster, usageInCluster } from "./usage";

/** How a replica is: what it holds, from when, and what speaks against changing it. Ages in seconds. */
export interface Status {
    namespace: string;
    /** Null if there is no application. */
    url: string | null;
    /** Tag in the stack file, the one that runs, and production's as far as it is known. */
    imageTag: string;
    runningTag: string | null;
    productionTag: string | null;
    hold: string | null;
    /** What people were told of its next refresh. */
    announced: Announcement | null;
    /** Until when it may be used, or since when it has expired, and what comes then; null if it never does. */
    expiry: string | null;
    /** That its data is older than the stack file wants it. */
    stale: string | null;
    suspended: boolean;
    /** Whose run is changing it. */
    inWork: string | null;
    database: {
        generation: string;
        backup: string | null;
        age: number | null;
        switched: string | null;
        awayMs: number | null;
        report: Live["database"]["report"];
        /** The databases beside the application's. */
        others: Live["database"]["others"];
    } | null;
    /** Without a time and a report if it is production's own; `from` says then where that is read. */
    media: {
        generation: string;
        completed: string | null;
        report: Live["media"]["report"];
        from: string | null;
    } | null;
    /** How rows and files belonged together at the switch to these two; null if nobody asked, or it is not known. */
    references: Live["references"] | null;
    mail: MailStatus;
    /** Generations that are kept to go back to. */
    former: { databases: string[]; media: string[] };
    /** The copy that the next one of the same backup is cloned from: its backup's stamp, and bytes. */
    base: { backup: string; bytes: number } | null;
    /** Stamp of a backup that is newer than what is loaded. */
    newer: string | null;
    /** Ids of copies that an interrupted run has left; the next one removes them. */
    leftovers: string[];
    /** Databases that are proven and were never live: a run ended before its switch. */
    ready: string[];
    /** Jobs whose last run has failed. */
    failed: FailedRun[];
    problems: string[];
}

/** Puts together what the clusters and the agent tell. */
export function statusOf(
    settings: Settings,
    sighting: Sighting,
    survey: Survey,
    failed: FailedRun[],
    now = Date.now(),
): Status {
    const { databases, bases, media, backups, problems } = survey;
    const base = bases.find(({ stamp }) => stamp !== null);
    const live = databases.find(({ state }) => state === "live");
    const stamp = live?.report?.stamp ?? null;
    const newest = backups[0]?.stamp;
    // What the application mounts: the last switch may have failed, and then tells nothing.
    const mounted = sighting.application?.generations ?? sighting.live;
    const shown =
        settings.media.mode === "copy"
            ? media.find(({ id, completed }) => id === mounted?.media && completed !== null)
            : mounted && { id: mounted.media, completed: null, report: null };
    const { report } = sighting;
    const usage = usageInCluster(settings, sighting);
    const isAbout = report?.database.id === live?.id && report?.media.id === shown?.id;
    const complete = media.filter(({ id, completed }) => completed !== null && id !== shown?.id);
    const unfinished = [
        ...databases.filter(({ state }) => state === "preparing"),
        ...bases.filter(({ stamp: finished }) => finished === null),
        ...media.filter(({ completed }) => completed === null),
    ];
    return {
        namespace: settings.target.namespace,
        url: publicUrl(settings) ?? null,
        imageTag: settings.imageTag,
        runningTag: sighting.application === undefined ? null : tagOf(sighting.application.image),
        productionTag: sighting.sourceImage === undefined ? null : tagOf(sighting.sourceImage),
        hold: usage.held ?? null,
        announced: announced(sighting, now) ?? null,
        expiry: describeExpiry(settings.lifecycle, usage, now) ?? null,
        stale: staleness(settings.lifecycle, stamp === null ? ageInCluster(sighting, now) : ageOf(stamp, now)) ?? null,
        suspended: settings.lifecycle.suspended,
        inWork: sighting.lease !== undefined && isInTheWay(sighting.lease, now) ? sighting.lease.holder : null,
        database:
            live === undefined
                ? null
                : {
                      generation: live.id,
                      backup: stamp,
                      age: stamp === null ? null : ageOf(stamp, now),
                      switched: live.switched,
                      awayMs: live.awayMs,
                      report: live.report,
                      others: live.others,
                  },
        media:
            shown === undefined
                ? null
                : {
                      generation: shown.id,
                      completed: shown.completed,
                      report: shown.report,
                      from: settings.media.mode === "copy" ? null : whereIs(settings.source.media),
                  },
        references: (isAbout && report?.references) || null,
        mail: mailOf(settings, survey.mail),
        former: {
            databases: databases.filter(({ state }) => state === "former").map(({ id }) => id),
            media: complete.map(({ id }) => id),
        },
        base: base?.stamp == null ? null : { backup: base.stamp, bytes: base.bytes ?? 0 },
        newer: newest !== undefined && stamp !== null && newest > stamp ? newest : null,
        leftovers: unfinished.map(({ id }) => id),
        ready: databases.filter(({ state }) => state === "proven").map(({ id }) => id),
        failed,
        problems: [...(sighting.unseen === undefined ? [] : [`${sighting.unseen}.`]), ...problems],
    };
}

/** A status for people. */
export function describeStatus(stackName: string, status: Status, now = Date.now()): string {
    const { database, media, former, base, newer, hold, leftovers, ready, failed, problems } = status;
    const rows: Row[] = [
        ["namespace", status.namespace],
        ["url", status.url ?? "none: there is no application"],
        ["image tag", describeTags(status)],
        ...(database === null
            ? [["database", "none is live"] satisfies Row]
            : databaseRows({ ...database, id: database.generation, state: "live" }, now)),
        ...(media === null
            ? [["media", "none is live"] satisfies Row]
            : mediaRows({ ...media, id: media.generation }, media.from)),
        ...(media?.report == null ? [] : [["owners", media.report.owners] satisfies Row]),
        ...referenceRows(status.references ?? undefined),
        ...mailRows(status.mail, status.namespace),
        ["kept", `${plural(former.databases.length, "former database")}, ${former.media.length} of the media`],
    ];
    if (database !== null) {
        rows.push(["switched", database.switched ?? "nobody knows when"]);
    }
    if (base !== null) {
        rows.push(["base", `of backup ${base.backup}, ${formatBytes(base.bytes)}: another copy of it is cloned`]);
    }
    if (newer !== null) {
        rows.push(["newer", `backup ${newer}: understudy refresh ${stackName}`]);
    }
    if (hold !== null) {
        rows.push(["held by", hold]);
    }
    if (status.announced !== null) {
        rows.push(["announced", describeAnnouncement(status.announced)]);
    }
    if (status.suspended) {
        rows.push(["suspended", `its volumes are kept: understudy extend ${stackName} 7d wakes it`]);
    }
    if (status.expiry !== null) {
        rows.push(["lifecycle", status.expiry]);
    }
    if (status.stale !== null) {
        rows.push(["lifecycle", status.stale]);
    }
    if (status.inWork !== null) {
        rows.push(["in work", `${status.inWork} is changing it`]);
    }
    if (ready.length > 0) {
        rows.push(["ready", `${ready.join(", ")}; proven, but never switched to`]);
    }
    if (leftovers.length > 0) {
        rows.push(["left over", `${leftovers.join(", ")}; the next update removes them`]);
    }
    rows.push(...failed.map(({ command, ended, sentence }): Row => ["failed", `${command}, ${ended}: ${sentence}`]));
    rows.push(...problems.map((problem): Row => ["problem", problem]));
    return table(rows);
}

function describeTags({ imageTag, runningTag, productionTag }: Status): string {
    const runs = runningTag === null || runningTag === imageTag ? "" : ` in the stack file, but ${runningTag} runs`;
    const production = productionTag === null ? "production's is not known" : `production runs ${productionTag}`;
    return `${imageTag}${runs}; ${production}`;
}

/** The backups of a store for people, the newest first; the one that is loaded is marked. */
export function describeBackups({ backups, databases, problems }: Survey): string {
    const loaded = databases.find(({ state }) => state === "live")?.report?.stamp;
    const lines = backups.map(({ stamp, bytes, age }) => {
        const mark = stamp === loaded ? "  loaded" : "";
        return `${stamp}  ${formatBytes(bytes).padStart(10)}  ${formatAge(age).padStart(12)} old${mark}`;
    });
    return [...lines, ...problems].join("\n");
}
