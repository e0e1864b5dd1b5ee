/** What an update would do, as far as the settings and the target's objects tell. */
import { plural } from "../agent/report";
import { type Generations, generationsOf } from "../components/generations";
import { tagOf } from "../contract/tag";
import type { Settings } from "../settings";
import type { Sighting } from "../sighting";
import { type Row, table } from "./live";

/** How many objects the engine would treat how: its own words for it, such as `create`, `same` or `replace`. */
export type ObjectChanges = Partial<Record<string, number>>;

/** What an update would do, in words. Without a sighting the target could not be looked at. */
export function describePreview(settings: Settings, sighting: Sighting | undefined, changes: ObjectChanges): string {
    const wanted = generationsOf(settings);
    const live = sighting?.live ?? sighting?.application?.generations;
    const { database, media } = settings;
    const from = database.backup === "latest" ? "the latest backup" : `backup ${database.backup}`;
    const rows: Row[] = [
        ["database", part("database", `refreshed from ${from}`, database.keepGenerations)],
        ["media", part("media", "copied from production", media.keepGenerations)],
        ["image tag", describeTag(settings.imageTag, sighting)],
        ["objects", describeObjects(changes)],
        ["a wipe", describeKept(settings)],
    ];
    return table(rows);

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
