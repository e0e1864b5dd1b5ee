/** What becomes of a replica's copies. */
import { type Generations, generationsOf } from "../components/generations";
import type { Settings } from "../settings";
import type { Sighting } from "../sighting";
import type { Fate } from "./summary";

/** The copies that are in use: those that the application mounts, when the last switch has failed. */
export function liveIn(sighting: Sighting | undefined): Generations | undefined {
    return sighting?.live ?? sighting?.application?.generations;
}

/**
 * What an update makes of both copies.
 *
 * @param sighting undefined if the clusters could not be looked at
 */
export function fatesOf(settings: Settings, sighting: Sighting | undefined): Record<keyof Generations, Fate> {
    const wanted = generationsOf(settings);
    const live = liveIn(sighting);
    const fateOf = (which: keyof Generations): Fate => {
        if (sighting === undefined) {
            return "unknown";
        }
        if (live === undefined) {
            return "first";
        }
        if (live[which] === wanted[which]) {
            return "stays";
        }
        return which === "database" && sighting.report?.kept.includes(wanted.database) === true
            ? "returns"
            : "replaced";
    };
    return { database: fateOf("database"), media: fateOf("media") };
}
