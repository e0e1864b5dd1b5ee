/** How much of its cluster a replica's namespace may take. */
import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings";
import { needOf, type QuotaSettings, written } from "../settings/quota";
import { labels, type Place } from "./labels";

/** What each amount is called in a ResourceQuota. */
const resources: Record<keyof QuotaSettings, string> = {
    cpu: "requests.cpu",
    memory: "limits.memory",
    storage: "requests.storage",
    pods: "pods",
};

/**
 * The most that the namespace may take; undefined if nothing limits it. What the stack file leaves open is as much as the
 * replica's own parts take.
 */
export function quotaOf(settings: Settings): Record<string, string> | undefined {
    const { quota, developer } = settings.target;
    if (quota === undefined && developer === undefined) {
        return undefined;
    }
    const need = needOf(settings);
    const amounts = Object.keys(resources) as (keyof QuotaSettings)[];
    return Object.fromEntries(amounts.map((of) => [resources[of], `${quota?.[of] ?? written(of, need[of])}`] as const));
}

/** The quota, and what a container gets that says nothing of its share: without it, the quota would keep its pod out. */
export function createQuota(
    name: string,
    place: Place,
    hard: Record<string, string>,
    options: pulumi.CustomResourceOptions,
): void {
    const metadata = { name: "understudy", namespace: place.namespace, labels: labels(place, "quota") };
    new kubernetes.core.v1.ResourceQuota(`${name}-quota`, { metadata, spec: { hard } }, options);
    const share = { type: "Container", default: { memory: "512Mi" }, defaultRequest: { cpu: "50m", memory: "64Mi" } };
    new kubernetes.core.v1.LimitRange(`${name}-limits`, { metadata, spec: { limits: [share] } }, options);
}
