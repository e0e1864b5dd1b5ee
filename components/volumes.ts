import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Store } from "../settings/store";
import { digest } from "./digest";
import { labels, labelValue, type Place } from "./labels";
import { skipAwait } from "./pod";

/** What a volume holds. */
export type Content = "database" | "media";

/**
 * Name of the claim on one of production's stores. Another store has another name: its claim comes up beside the former
 * one, which goes when nothing mounts it any more. Under one name the former would have to go first, while the last
 * run's finished pod still holds it.
 */
export function sourceClaim(holds: Content, store: Store): string {
    return store.claim ?? `source-${holds}-${digest(store)}`;
}

/** The claims among production's stores that somebody has brought: understudy makes, changes and removes none of them. */
export function broughtClaims({ database, media }: Record<Content, Store>): string[] {
    return [database, media].flatMap(({ claim }) => claim ?? []);
}

/** Name of the claim on one of the replica's own volumes. */
export function replicaClaim(holds: Content): string {
    return holds;
}

/** Arguments of a {@link SourceVolume}. */
export interface SourceVolumeArgs extends Place {
    holds: Content;
    /** Where production keeps it; no claim, which is there already. */
    store: Store;
}

/**
 * One of production's stores, as the stack's own volume and claim: claims do not cross namespaces, and the restricted
 * level forbids exports and host folders in a pod. Read-only in the claim's mount and in the mount options, kept by
 * the reclaim policy whatever happens to the claim.
 */
export class SourceVolume extends pulumi.ComponentResource {
    constructor(name: string, args: SourceVolumeArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:SourceVolume", name, {}, options);
        const claim = sourceClaim(args.holds, args.store);
        const volumeName = `${labelValue(args.stack)}-${claim}`.toLowerCase();
        const metadata = { labels: labels(args, `source-${args.holds}`) };
        // Neither figure limits anything: a static volume only has to match its claim.
        const size = { storage: "1Gi" };
        // Named like the objects: after a failed update, the former store is still there to go back to.
        const volume = new kubernetes.core.v1.PersistentVolume(
            `${claim}-volume`,
            {
                metadata: { ...metadata, name: volumeName },
                spec: {
                    accessModes: ["ReadOnlyMany"],
                    capacity: size,
                    persistentVolumeReclaimPolicy: "Retain",
                    storageClassName: "",
                    claimRef: { namespace: args.namespace, name: claim },
                    ...volumeSource(args.store),
                },
            },
            { parent: this },
        );
        // Awaited until it is bound: a pod that comes earlier is tried by the scheduler again after up to five minutes.
        new kubernetes.core.v1.PersistentVolumeClaim(
            `${claim}-claim`,
            {
                metadata: { ...metadata, name: claim, namespace: args.namespace },
                spec: {
                    accessModes: ["ReadOnlyMany"],
                    storageClassName: "",
                    volumeName,
                    resources: { requests: size },
                },
            },
            { parent: this, dependsOn: [volume] },
        );
        this.registerOutputs();
    }
}

/** Arguments of a {@link ReplicaVolume}. */
export interface ReplicaVolumeArgs extends Place {
    holds: Content;
    /** Size to ask for, for example `20Gi`. It can grow in place where the storage class allows it. */
    size: string;
    /** Storage class; the cluster's default if left out. It counts when the volume is made. */
    storageClass: string | undefined;
    /** Who may mount it. */
    accessMode: "ReadWriteOnce" | "ReadWriteMany";
    /** Whether a wipe leaves the claim, and so the data, in place. */
    keep: boolean;
}

/** A volume of the replica's own, which a wipe removes or keeps as the settings say. */
export class ReplicaVolume extends pulumi.ComponentResource {
    constructor(name: string, args: ReplicaVolumeArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:ReplicaVolume", name, {}, options);
        new kubernetes.core.v1.PersistentVolumeClaim(
            `${name}-claim`,
            {
                metadata: {
                    name: replicaClaim(args.holds),
                    namespace: args.namespace,
                    labels: labels(args, args.holds),
                    annotations: skipAwait,
                },
                spec: {
                    accessModes: [args.accessMode],
                    resources: { requests: { storage: args.size } },
                    ...(args.storageClass !== undefined && { storageClassName: args.storageClass }),
                },
            },
            // Another class would replace the volume and lose what is on it; the preflight refuses what differs.
            { parent: this, retainOnDelete: args.keep, ignoreChanges: ["spec.storageClassName"] },
        );
        this.registerOutputs();
    }
}

/** The part of a volume's spec that says where it is. */
function volumeSource({ nfs, csi, hostPath }: Store) {
    if (nfs !== undefined) {
        return { nfs: { ...nfs, readOnly: true }, mountOptions: ["ro"] };
    }
    if (csi !== undefined) {
        const { driver, volumeHandle, attributes } = csi;
        // No mount options: not every driver knows them, and each is told by this that it may only read.
        return { csi: { driver, volumeHandle, readOnly: true, ...(attributes && { volumeAttributes: attributes }) } };
    }
    // Type Directory: a folder that is missing must fail, not be made.
    return { hostPath: { path: hostPath ?? "", type: "Directory" } };
}
