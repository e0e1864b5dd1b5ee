import * as k8s from "@pulumi/kubernetes";
import type { Scene, Story } from "../story";
import { image } from "./image";

interface Words {
    /** Objects that a destroy leaves in place. */
    kept: boolean;
    path: string;
    upsert?: boolean;
    /** The kept claim is not waited for. */
    skipAwait?: boolean;
}

/** A volume that is made by hand with the claim to it, and a claim whose class binds at first use. */
function declare({ provider, namespace }: Scene, { kept, path, upsert, skipAwait }: Words): void {
    const options = { provider: provider({ upsertExistingObjects: upsert }), retainOnDelete: kept };
    const volume = new k8s.core.v1.PersistentVolume(
        "volume",
        {
            metadata: { name: "standins-volume" },
            spec: {
                storageClassName: "",
                capacity: { storage: "1024Mi" },
                accessModes: ["ReadWriteMany"],
                persistentVolumeReclaimPolicy: "Retain",
                hostPath: { path },
                claimRef: { namespace, name: "static" },
            },
        },
        options,
    );
    const annotations = skipAwait ? { "pulumi.com/skipAwait": "true" } : undefined;
    new k8s.core.v1.PersistentVolumeClaim(
        "static",
        {
            metadata: { name: "static", namespace, annotations },
            spec: {
                storageClassName: "",
                volumeName: volume.metadata.name,
                accessModes: ["ReadWriteMany"],
                resources: { requests: { storage: "1024Mi" } },
            },
        },
        options,
    );
    const claim = new k8s.core.v1.PersistentVolumeClaim(
        "dynamic",
        {
            metadata: { namespace },
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
        },
        { provider: options.provider },
    );
    new k8s.batch.v1.Job(
        "user",
        {
            metadata: { namespace },
            spec: {
                backoffLimit: 0,
                template: {
                    spec: {
                        restartPolicy: "Never",
                        containers: [
                            { name: "main", image, command: ["true"], volumeMounts: [{ name: "v", mountPath: "/v" }] },
                        ],
                        volumes: [{ name: "v", persistentVolumeClaim: { claimName: claim.metadata.name } }],
                    },
                },
            },
        },
        { provider: options.provider },
    );
}

const paths = { first: "/tmp/standins-first", other: "/tmp/standins-other" };

export const claims: Story = {
    name: "claims",
    steps: [
        { title: "a preview", run: "preview", program: (scene) => declare(scene, { kept: true, path: paths.first }) },
        { title: "bound, and pending until used" },
        { title: "nothing to do" },
        { title: "what is kept stays", run: "destroy" },
        {
            title: "what was kept is taken over",
            program: (scene) => declare(scene, { kept: true, path: paths.first, upsert: true, skipAwait: true }),
        },
        {
            title: "it is kept no more",
            program: (scene) => declare(scene, { kept: false, path: paths.first, upsert: true, skipAwait: true }),
        },
        {
            title: "a preview of another path",
            run: "preview",
            program: (scene) => declare(scene, { kept: false, path: paths.other, upsert: true, skipAwait: true }),
        },
        { title: "everything goes", run: "destroy" },
    ],
};
