/** Production's stores are read and never written to, wherever they are mounted. */
import { containersOf, podOf } from "./pod";
import { at, isOneOf, items, kindOf, namespaceOf, type Registered, titleOf } from "./registered";
import type { Told } from "./told";

/**
 * PersistentVolumes that can be written to. A stack that names a volume itself, in place of a storage class, names one
 * that was there before: production's.
 */
export function readOnlyVolume(resource: Registered): string[] {
    if (kindOf(resource) !== "PersistentVolume") {
        return [];
    }
    const spec = at(resource.props, "spec");
    const modes = at(spec, "accessModes");
    const problems: [boolean, string][] = [
        [
            typeof modes !== "symbol" && !(items(modes).length > 0 && items(modes).every((mode) => isReadOnly(mode))),
            "can be written to: write accessModes: [ReadOnlyMany]",
        ],
        [
            !isOneOf(at(spec, "persistentVolumeReclaimPolicy"), "Retain"),
            "may be deleted with its claim: write persistentVolumeReclaimPolicy: Retain",
        ],
        ...["nfs", "csi"].map((kind): [boolean, string] => [
            at(spec, kind) !== undefined && !isOneOf(at(spec, kind, "readOnly"), true),
            `can be written to: write ${kind}.readOnly: true`,
        ]),
    ];
    return problems.flatMap(([violated, sentence]) => (violated ? [`${titleOf(resource)} ${sentence}`] : []));
}

/** Pods that could write to a claim which the stack has not made for itself, or change whose the files on it are. */
export function readOnlyMounts(resources: Registered[], { stores }: Told): string[] {
    const own = resources.filter(isOwnClaim).map(({ props }) => at(props, "metadata"));
    return resources.flatMap((resource) => {
        const pod = podOf(resource);
        const isForeign = (claim: unknown) =>
            typeof claim === "string" &&
            !stores.includes(claim) &&
            !own.some((made) => isOneOf(at(made, "name"), claim) && at(made, "namespace") === namespaceOf(resource));
        return items(at(pod, "volumes"))
            .filter((volume) => isForeign(claimOf(volume)))
            .flatMap((volume) =>
                ofMount(pod, volume).map(
                    (problem) =>
                        `${titleOf(resource)} mounts ${String(claimOf(volume))}, which this stack has not filled, ${problem}`,
                ),
            );
    });
}

function claimOf(volume: unknown): unknown {
    return at(volume, "persistentVolumeClaim", "claimName");
}

function ofMount(pod: unknown, volume: unknown): string[] {
    const mounts = containersOf(pod).flatMap(({ spec }) => items(at(spec, "volumeMounts")));
    const writable = mounts.some(
        (mount) => at(mount, "name") === at(volume, "name") && !isOneOf(at(mount, "readOnly"), true),
    );
    return [
        ...(isOneOf(at(volume, "persistentVolumeClaim", "readOnly"), true)
            ? []
            : ["to write to it: write readOnly: true at the volume's claim"]),
        ...(writable ? ["to write to it: write readOnly: true at each of its mounts"] : []),
        ...(at(pod, "securityContext", "fsGroup") === undefined
            ? []
            : ["and changes whose its files are: leave out fsGroup"]),
    ];
}

/** A claim that a storage class fills: the class is empty where the volume was there before. */
function isOwnClaim(resource: Registered): boolean {
    return kindOf(resource) === "PersistentVolumeClaim" && at(resource.props, "spec", "storageClassName") !== "";
}

function isReadOnly(mode: unknown): boolean {
    return isOneOf(mode, "ReadOnlyMany");
}
