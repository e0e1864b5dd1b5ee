import { at, type Fields, isFields, listAt, textAt } from "../fields";
import { isAbout, type Readiness, type Situation } from "./wait";

/** Milliseconds without news after which endpoints count as settled. */
export const settlingTime = 10_000;

/**
 * Waits until a Service's endpoints have settled with none of them unready, and a load balancer has its address.
 * Headless Services, those without a selector and external names are ready at once.
 */
export function serviceReadiness({ live, log }: Situation, settling = settlingTime): Readiness {
    let service = live;
    let seen = false;
    let endpoints = { since: Number.POSITIVE_INFINITY, ready: false, pending: false };

    const isType = (type: string) => (textAt(service, "spec", "type") || "ClusterIP") === type;
    const hasAddress = () => !isType("LoadBalancer") || listAt(service, "status", "loadBalancer", "ingress").length > 0;
    const isReady = () => seen && hasAddress();
    const isHeadless = () => textAt(service, "spec", "clusterIP") === "None";
    const selector = () => at(service, "spec", "selector");
    const selects = () => isFields(selector()) && Object.keys(selector() as Fields).length > 0;
    const awaitsPods = () => !isType("ExternalName") && !isHeadless() && selects();

    log.status("info", "[1/3] Finding Pods to direct traffic to");
    return {
        kinds: [
            { apiVersion: "v1", kind: "Service" },
            { apiVersion: "v1", kind: "Endpoints" },
        ],
        get live() {
            return service;
        },
        observe(change) {
            if (isAbout(change, live)) {
                seen = change.type !== "DELETED";
                if (seen) service = change.object;
            } else if (
                change.object.kind === "Endpoints" &&
                at(change.object, "metadata", "name") === at(live, "metadata", "name")
            ) {
                endpoints = { since: Date.now(), ...counted(change.type === "DELETED" ? {} : change.object) };
            }
        },
        ready() {
            if (!awaitsPods()) return isReady();
            const settled = Date.now() - endpoints.since >= settling;
            const done = isReady() && settled && !endpoints.pending;
            if (done) log.status("info", "✅ Service initialization complete");
            else if (settled && endpoints.ready)
                log.status("info", "[2/3] Attempting to allocate IP address to Service");
            return done;
        },
        reasons() {
            if (isHeadless() || isType("ExternalName")) return [];
            const reasons: string[] = [];
            if (!endpoints.ready)
                reasons.push(
                    "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match labels on any Pods",
                );
            if (!hasAddress())
                reasons.push("Service was not allocated an IP address; does your cloud provider support this?");
            return reasons;
        },
        goodEnough: () => isReady() && !endpoints.pending,
    };
}

function counted(endpoints: Fields): { ready: boolean; pending: boolean } {
    const subsets = listAt(endpoints, "subsets");
    const some = (list: string) => subsets.some((subset) => listAt(subset, list).length > 0);
    return { ready: some("addresses"), pending: some("notReadyAddresses") };
}
