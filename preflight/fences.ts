/** What tells production from a replica's target, beside its namespace: its volumes, and its server. */
import { replicaClaim } from "../components/volumes";
import type { Settings } from "../settings";
import type { Store } from "../settings/store";
import type { Sighting } from "../sighting";
import { newestBackup } from "./backup";
import { describePlace, overlap, type Place, placeOfStore } from "./places";

/** What speaks against the target because it is production's, one sentence each. */
export function fenceObjections(settings: Settings, sighting: Sighting): string[] {
    return [...volumeFences(settings, sighting), ...serverFences(settings, sighting)];
}

/** A volume that is production's, and what production calls it. */
interface Productions {
    name: string;
    place: Place;
}

/** What speaks against the replica's own claims, which must lead to nothing of production's. */
export function volumeFences(settings: Settings, sighting: Sighting): string[] {
    const { namespace } = settings.target;
    const production = productionsVolumes(settings, sighting);
    return ownClaims(settings).flatMap((claim) => {
        const place = sighting.places?.[claim];
        const same = place && production.find((one) => overlap(one.place, place));
        return place === undefined || same === undefined
            ? []
            : [
                  `The claim ${claim} of namespace ${namespace} leads to ${describePlace(place)}, which is production's ` +
                      `(${same.name}) or overlaps it: remove that claim, so that the replica gets a volume of its own.`,
              ];
    });
}

function ownClaims({ database, media }: Settings): string[] {
    return [
        ...(database.server === undefined ? [replicaClaim("database")] : []),
        ...(media.mode === "copy" ? [replicaClaim("media")] : []),
    ];
}

function productionsVolumes({ source }: Settings, { places = {}, sourcePlaces = {} }: Sighting): Productions[] {
    const stores = { "source.database": source.database, "source.media": source.media };
    return [
        ...Object.entries(sourcePlaces).map(([claim, place]) => ({
            name: `claim ${claim} of namespace ${source.namespace}`,
            place,
        })),
        ...Object.entries(stores).flatMap(([name, store]) => {
            const place = placeOfStore(store) ?? places[store.claim ?? ""];
            return place === undefined ? [] : { name, place };
        }),
    ];
}

/** Production's server as it is known here, which must be the one that makes its backups, or nothing is fenced off. */
function serverFences(settings: Settings, sighting: Sighting): string[] {
    const { systemIdentifier } = settings.source;
    const newest = newestBackup(settings, sighting);
    return systemIdentifier === undefined || newest === undefined || newest.systemIdentifier === systemIdentifier
        ? []
        : [
              `source.systemIdentifier is ${systemIdentifier}, but production's newest backup (${newest.stamp}) was made on ` +
                  `the server ${newest.systemIdentifier}: write that, or leave it out.`,
          ];
}

/** Which of it was compared or will be, and what nobody knows: a sentence for a preview. */
export function describeFences(settings: Settings, sighting: Sighting): string {
    const { source } = settings;
    const isSeen = source.namespace !== undefined && sighting.unseen === undefined;
    const identifier = source.systemIdentifier ?? newestBackup(settings, sighting)?.systemIdentifier;
    const stores: Store[] = [source.database, source.media];
    const areVolumesSeen = sighting.places !== undefined && (sighting.sourcePlaces !== undefined || !isSeen);
    const fences: [isKnown: boolean, what: string, why: string][] = [
        [isSeen, "namespace", source.namespace === undefined ? "source.namespace is not written" : "it cannot be read"],
        [areVolumesSeen, isSeen ? "volumes" : "stores' volumes", "this user may not list volumes"],
        [identifier !== undefined, `server (${identifier}, by the restore)`, "source.systemIdentifier is not written"],
    ];
    const known = fences.flatMap(([isKnown, what]) => (isKnown ? what : []));
    const unknown = fences.flatMap(([isKnown, what, why]) => (isKnown ? [] : `${what.replace(/ \(.*/, "")}: ${why}`));
    const bucket = stores.some(({ s3 }) => s3 !== undefined) ? "; a bucket is only read" : "";
    return [
        `compared with production's: ${known.join(", ") || "nothing"}${bucket}`,
        ...(unknown.length === 0 ? [] : [`not known: ${unknown.join("; ")}`]),
    ].join("; ");
}
