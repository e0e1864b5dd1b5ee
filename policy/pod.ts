/** The pods that a resource asks for. */
import { at, entries, items, kindOf, type Registered } from "./registered";

const template = ["spec", "template", "spec"];

/** Where each kind has the specification of its pods. */
const places: Record<string, string[]> = {
    Pod: ["spec"],
    Deployment: template,
    StatefulSet: template,
    DaemonSet: template,
    ReplicaSet: template,
    ReplicationController: template,
    Job: template,
    CronJob: ["spec", "jobTemplate", ...template],
};

/** The specification of a resource's pods; undefined if it has none. */
export function podOf(resource: Registered): unknown {
    const place = places[kindOf(resource) ?? ""];
    return place === undefined ? undefined : at(resource.props, ...place);
}

/** One container of a pod. */
export interface Container {
    /** Its name, for people. */
    title: string;
    spec: unknown;
}

/** All containers of a pod, those that run before the others first. */
export function containersOf(pod: unknown): Container[] {
    const kinds = ["initContainers", "containers", "ephemeralContainers"];
    return kinds
        .flatMap((kind) => items(at(pod, kind)))
        .map((spec) => ({ title: `container ${String(at(spec, "name"))}`, spec }));
}

/** What a volume of a pod is, such as `configMap`, with what is said of it. */
export function volumeOf(volume: unknown): [kind: string, value: unknown][] {
    return entries(volume).filter(([key, value]) => key !== "name" && value !== undefined);
}
