import { formatAge, formatBytes, plural } from "../agent/report";
import type { Survey } from "../contract";
import { holdAnnotation, tagOf } from "../preflight";
import type { Settings } from "../settings";
import type { Sighting } from "../sighting";

/** How a replica is: what it holds, from when, and what speaks against changing it. Ages in seconds. */
export interface Status {
    namespace: string;
    /** Tag in the stack file, and production's as far as it is known. */
    imageTag: string;
    productionTag: string | null;
    hold: string | null;
    database: {
        generation: string;
        backup: string | null;
        age: number | null;
        switched: string | null;
        /** The databases beside the application's, and their backups' stamps. */
        others: { name: string; backup: string | null }[];
    } | null;
    media: { generation: string; completed: string } | null;
    /** Generations that are kept to go back to. */
    former: { databases: string[]; media: string[] };
    /** Stamp of a backup that is newer than what is loaded. */
    newer: string | null;
    /** Ids of copies that an interrupted run has left; the next one removes them. */
    leftovers: string[];
    problems: string[];
}

/** Puts together what the clusters and the agent tell. */
export function statusOf(settings: Settings, sighting: Sighting, survey: Survey, now = Date.now()): Status {
    const { databases, media, backups, problems } = survey;
    const live = databases.find(({ state }) => state === "live");
    const stamp = live?.report?.stamp ?? null;
    const newest = backups[0]?.stamp;
    const shown = media.find(({ id, completed }) => id === sighting.live?.media && completed !== null);
    const complete = media.filter(({ id, completed }) => completed !== null && id !== shown?.id);
    const unfinished = [
        ...databases.filter(({ state }) => state === "preparing"),
        ...media.filter(({ completed }) => completed === null),
    ];
    return {
        namespace: settings.target.namespace,
        imageTag: settings.imageTag,
        productionTag: sighting.sourceImage === undefined ? null : tagOf(sighting.sourceImage),
        hold: settings.hold ?? sighting.target?.annotations[holdAnnotation] ?? null,
        database:
            live === undefined
                ? null
                : {
                      generation: live.id,
                      backup: stamp,
                      age: stamp === null ? null : (now - Date.parse(stamp)) / 1000,
                      switched: live.switched,
                      others: live.others.map(({ name, report }) => ({ name, backup: report?.stamp ?? null })),
                  },
        media: shown === undefined ? null : { generation: shown.id, completed: shown.completed ?? "" },
        former: {
            databases: databases.filter(({ state }) => state === "former").map(({ id }) => id),
            media: complete.map(({ id }) => id),
        },
        newer: newest !== undefined && stamp !== null && newest > stamp ? newest : null,
        leftovers: unfinished.map(({ id }) => id),
        problems: [...(sighting.unseen === undefined ? [] : [`${sighting.unseen}.`]), ...problems],
    };
}

/** A status for people. */
export function describeStatus(stackName: string, status: Status): string {
    const { database, media, former, newer, hold, leftovers, problems } = status;
    const production =
        status.productionTag === null ? "production's is not known" : `production runs ${status.productionTag}`;
    const rows: [string, string][] = [
        ["namespace", status.namespace],
        ["image tag", `${status.imageTag}; ${production}`],
        ["database", database === null ? "none is live" : describeDatabase(database)],
        [
            "media",
            media === null ? "none is live" : `generation ${media.generation}, complete since ${media.completed}`,
        ],
        ["kept", `${plural(former.databases.length, "former database")}, ${former.media.length} of the media`],
    ];
    if (newer !== null) {
        rows.push(["newer", `backup ${newer}: understudy refresh ${stackName}`]);
    }
    if (hold !== null) {
        rows.push(["held by", hold]);
    }
    if (leftovers.length > 0) {
        rows.push(["left over", `${leftovers.join(", ")}; the next update removes them`]);
    }
    rows.push(...problems.map((problem): [string, string] => ["problem", problem]));
    return rows.map(([name, text]) => `${name.padEnd(10)} ${text}`).join("\n");
}

function describeDatabase({ generation, backup, age, others }: NonNullable<Status["database"]>): string {
    const from = backup === null || age === null ? "" : `, from backup ${backup} (${formatAge(age)} old)`;
    const beside = others.map((other) => `; ${other.name} from backup ${other.backup ?? "(not known)"}`);
    return `generation ${generation}${from}${beside.join("")}`;
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
