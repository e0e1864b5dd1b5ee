import { at, type Fields, isFields, type Value } from "./fields";

/** Steps from an object's root to one of its fields: keys, and positions in lists. */
export type Path = readonly (string | number)[];

/** Which of the provider's options decide whether a change needs a new object. */
export interface Mutability {
    /** ConfigMaps are updated in place unless they say `immutable`. */
    configMaps: boolean;
    /** Secrets likewise. */
    secrets: boolean;
}

const identity = ["metadata.name", "metadata.namespace"];

/** Fields of each kind that the API server refuses to change, by group and kind. */
const immutableFields: Readonly<Record<string, readonly string[]>> = {
    "apps/DaemonSet": ["spec.selector"],
    "apps/Deployment": ["spec.selector"],
    "apps/StatefulSet": specs("podManagementPolicy revisionHistoryLimit selector serviceName volumeClaimTemplates"),
    "batch/Job": specs("completions parallelism selector template"),
    "rbac.authorization.k8s.io/ClusterRoleBinding": ["roleRef"],
    "rbac.authorization.k8s.io/RoleBinding": ["roleRef"],
    "storage.k8s.io/StorageClass": ["parameters", "provisioner"],
    PersistentVolume: specs(
        "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs",
        "hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume",
    ),
    PersistentVolumeClaim: specs("accessModes selector storageClassName volumeName"),
    Pod: [
        ...specs(
            "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork",
            "hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority priorityClassName",
            "readinessGates restartPolicy runtimeClassName schedulerName securityContext serviceAccount",
            "serviceAccountName shareProcessNamespace subdomain terminationGracePeriodSeconds volumes",
        ),
        ...["containers", "initContainers"].flatMap((list) =>
            [
                "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources",
                "securityContext stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices",
                "volumeMounts workingDir",
            ]
                .flatMap((fields) => fields.split(" "))
                .map((field) => `spec.${list}.*.${field}`),
        ),
    ],
    ResourceQuota: ["spec.scopes"],
    Secret: ["type"],
    Service: ["spec.clusterIP"],
};

/** The fields of this object that cannot be changed in place; `*` is any position in a list. */
export function replacedFields(object: Fields, mutability: Mutability): string[] {
    return [...identity, ...immutableFieldsOf(object, mutability)];
}

/**
 * True when a change at `path` to `value` touches one of `fields`: it lies on or below one of them, or the new value
 * brings one of them along. A deletion above such a field does not.
 */
export function touches(path: Path, value: Value | undefined, fields: readonly string[]): boolean {
    return fields.some((field) => {
        const steps = field.split(".");
        const shared = Math.min(steps.length, path.length);
        if (!path.slice(0, shared).every((step, i) => matches(steps[i], step))) return false;
        return path.length >= steps.length || isPresent(value, steps.slice(path.length));
    });
}

function immutableFieldsOf(object: Fields, mutability: Mutability): readonly string[] {
    const kind = groupedKind(object);
    const sealed = at(object, "immutable") === true;
    if (kind === "Secret" && (sealed || !mutability.secrets)) return ["type", "stringData", "data"];
    if (kind === "ConfigMap" && (sealed || !mutability.configMaps)) return ["binaryData", "data"];
    return immutableFields[kind] ?? [];
}

function groupedKind(object: Fields): string {
    const [group, version] = String(object.apiVersion).split("/");
    return version === undefined || group === "core" ? String(object.kind) : `${group}/${object.kind}`;
}

function matches(pattern: string | undefined, step: string | number): boolean {
    return typeof step === "number" ? pattern === "*" : pattern === step;
}

function isPresent(value: Value | undefined, steps: readonly string[]): boolean {
    const [step, ...rest] = steps;
    if (step === undefined) return value !== undefined;
    if (step === "*") return Array.isArray(value) && value.some((element) => isPresent(element, rest));
    return isFields(value) && isPresent(value[step], rest);
}

function specs(...fields: string[]): string[] {
    return fields.flatMap((line) => line.split(" ")).map((field) => `spec.${field}`);
}
