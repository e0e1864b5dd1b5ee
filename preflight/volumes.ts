/** What the target namespace's claims say against an update. */
import { awaited } from "../components/generations";
import { labelValue, stackLabel } from "../components/labels";
import { broughtClaims, replicaClaim } from "../components/volumes";
import type { Settings } from "../settings";
import { bytes } from "../settings/values";
import type { Claim, Sighting } from "../sighting";

/** One of the replica's own volumes, as the settings want it. */
interface Wanted {
    name: string;
    size: [setting: string, value: string];
    accessMode: [setting: string, value: string];
    storageClass: [setting: string, value: string | undefined];
    /** Whether it may be there from before the replica. */
    mayExist: [setting: string, value: boolean];
}

/** Everything about volumes that speaks against changing the target, one sentence each. */
export function volumeObjections(settings: Settings, stack: string, sighting: Sighting): string[] {
    const { target, database, media } = settings;
    const { claims = {}, stands = false } = sighting;
    const storageClass: Wanted["storageClass"] = ["target.storageClass", target.storageClass];
    const wanted: Wanted[] = [];
    if (database.volume !== undefined) {
        wanted.push({
            name: replicaClaim("database"),
            size: ["database.volume", database.volume],
            accessMode: ["the database's access mode", "ReadWriteOnce"],
            storageClass,
            mayExist: ["allowExistingDatabaseVolume", settings.allowExistingDatabaseVolume],
        });
    }
    if (media.mode === "copy") {
        wanted.push({
            name: replicaClaim("media"),
            size: ["media.volume", media.volume],
            accessMode: ["media.accessMode", media.accessMode],
            storageClass,
            mayExist: ["allowExistingMediaVolume", settings.allowExistingMediaVolume],
        });
    }
    const own = wanted.flatMap((volume) => {
        const claim = claims[volume.name];
        return claim === undefined ? [] : ownObjections(volume, claim, target.namespace, stands);
    });
    return [...own, ...missingClaims(settings, stack, sighting)];
}

/** What speaks against going on with a claim that is there. */
function ownObjections(wanted: Wanted, claim: Claim, namespace: string, stands: boolean): string[] {
    const name = `claim ${wanted.name} of namespace ${namespace}`;
    const [flag, mayExist] = wanted.mayExist;
    if (!mayExist && !stands) {
        return [
            `The ${name} is there since ${claim.since}, from before this replica, and ${flag} is false: set it to true ` +
                "to go on with what is on the volume, or remove the claim if nobody needs it.",
        ];
    }
    const problems: string[] = [];
    const [sizeSetting, size] = wanted.size;
    if (bytes(size) < bytes(claim.size)) {
        problems.push(
            `${sizeSetting} is ${size}, but the ${name} has ${claim.size}, and Kubernetes makes no volume smaller: ` +
                `write ${claim.size}, or wipe the volume before you write less.`,
        );
    }
    const fixed: [setting: string, value: string | undefined, found: string][] = [
        [...wanted.storageClass, claim.storageClass ?? ""],
        [...wanted.accessMode, claim.accessModes.join(", ")],
    ];
    for (const [setting, value, found] of fixed) {
        if (value !== undefined && value !== found) {
            problems.push(
                `${setting} is ${value}, but the ${name} has ${found || "none"}, which can only be changed by another ` +
                    `volume, without what is on this one: write ${found || "nothing"}, or wipe the volume first.`,
            );
        }
    }
    return problems;
}

/** The claims that a refresh reads from and that nobody has made. */
function missingClaims(settings: Settings, stack: string, { claims = {}, live }: Sighting): string[] {
    const { source, target } = settings;
    if (awaited(settings, live).length === 0) {
        return [];
    }
    return broughtClaims(source)
        .filter((name) => claims[name] === undefined)
        .map(
            (name) =>
                `Production's store is to be claim ${name} of namespace ${target.namespace}, which is not there: make it, ` +
                `in a namespace with the label ${stackLabel}: ${labelValue(stack)}, or correct source.`,
        );
}
