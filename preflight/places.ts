/** Where volumes are, so that two names of the same data are seen to be the same. */
import type { V1PersistentVolume } from "@kubernetes/client-node";
import type { Store } from "../settings/store";

/** A folder of a file server or of the cluster's nodes, or a volume that a storage system knows by its handle. */
export type Place = { folder: string; of: string } | { handle: string };

/** What a volume's spec says besides where it is. */
const others = new Set([
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
]);

/** Where nodes keep a folder: which of them it is, only the scheduler knows. */
const nodes = "the node";

/** Where the claims of a namespace lead, by their names. A volume whose claim is gone still names it. */
export function placesOf(volumes: V1PersistentVolume[], namespace: string): Record<string, Place> {
    return Object.fromEntries(
        volumes
            .filter(({ spec, status }) => spec?.claimRef?.namespace === namespace && status?.phase !== "Released")
            .map((volume) => [volume.spec?.claimRef?.name ?? "", placeOf(volume)]),
    );
}

function placeOf({ spec }: V1PersistentVolume): Place {
    const { nfs, csi, hostPath, local } = spec ?? {};
    if (nfs !== undefined) {
        return { folder: nfs.path, of: nfs.server };
    }
    const folder = hostPath?.path ?? local?.path;
    if (folder !== undefined) {
        return { folder, of: nodes };
    }
    if (csi !== undefined) {
        return { handle: `${csi.volumeHandle} of ${csi.driver}` };
    }
    const source = Object.entries(spec ?? {}).filter(([key, value]) => !others.has(key) && value !== undefined);
    return { handle: JSON.stringify(Object.fromEntries(source)) };
}

/** Where a store of production is, unless that is a bucket, or a claim, whose volume alone tells. */
export function placeOfStore({ nfs, csi, hostPath }: Store): Place | undefined {
    if (nfs !== undefined) {
        return { folder: nfs.path, of: nfs.server };
    }
    if (csi !== undefined) {
        return { handle: `${csi.volumeHandle} of ${csi.driver}` };
    }
    return hostPath === undefined ? undefined : { folder: hostPath, of: nodes };
}

/** Whether two places are the same, or one is within the other. */
export function overlap(one: Place, other: Place): boolean {
    if ("handle" in one || "handle" in other) {
        return "handle" in one && "handle" in other && one.handle === other.handle;
    }
    return one.of === other.of && (isWithin(one.folder, other.folder) || isWithin(other.folder, one.folder));
}

function isWithin(inner: string, outer: string): boolean {
    const slashed = (path: string) => `${path.replace(/\/+$/, "")}/`;
    return slashed(inner).startsWith(slashed(outer));
}

/** A place for people. */
export function describePlace(place: Place): string {
    return "handle" in place ? `volume ${place.handle}` : `${place.folder} of ${place.of}`;
}
