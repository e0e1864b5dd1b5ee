import { type Fields, listAt, nameOf, textAt } from "../fields";
import { settlingTime } from "./service";
import { isAbout, type Readiness, type Situation } from "./wait";

/** Milliseconds after which an Ingress whose Services have no endpoints at all stops waiting for them. */
const patience = 60_000;

/** Waits until the Services that an Ingress names have endpoints, and its controller has given it an address. */
export function ingressReadiness({ live, log }: Situation, settling = settlingTime): Readiness {
    const endpoints = new Set<string>();
    const externalNames = new Set<string>();
    const start = Date.now();
    let heard: number | undefined;
    let ingress = live;

    const isSettled = () => {
        if (heard !== undefined) return Date.now() - heard >= settling;
        return settling === 0 || Date.now() - start >= patience;
    };
    const unserved = () => serviceNames(ingress).filter((name) => !endpoints.has(name) && !externalNames.has(name));
    /** A Service that has not shown up once everything has settled may never do: it is only warned of. */
    const isServed = () => unserved().length === 0 || isSettled();
    const hasAddress = () => listAt(ingress, "status", "loadBalancer", "ingress").length > 0;

    log.status("info", "[1/3] Finding a matching service for each Ingress path");
    return {
        kinds: [
            { apiVersion: "networking.k8s.io/v1", kind: "Ingress" },
            { apiVersion: "v1", kind: "Service" },
            { apiVersion: "v1", kind: "Endpoints" },
        ],
        get live() {
            return ingress;
        },
        observe(change) {
            const { type, object } = change;
            const kept = type !== "DELETED";
            if (isAbout(change, live)) ingress = kept ? object : live;
            else if (object.kind === "Endpoints") {
                heard = Date.now();
                mark(endpoints, nameOf(object), kept);
            } else if (object.kind === "Service")
                mark(externalNames, nameOf(object), kept && textAt(object, "spec", "type") === "ExternalName");
        },
        ready() {
            const done = hasAddress() && isServed();
            if (isSettled())
                for (const name of unserved())
                    log.status("warning", `No matching service found for ingress rule: ${name}`);
            if (done) log.status("info", "✅ Ingress initialization complete");
            else if (isServed())
                log.status("info", "[2/3] Waiting for update of .status.loadBalancer with hostname/IP");
            return done;
        },
        reasons() {
            const reasons: string[] = [];
            if (!isServed()) reasons.push("Ingress has at least one rule with an unavailable target endpoint.");
            if (!hasAddress())
                reasons.push("Ingress .status.loadBalancer field was not updated with a hostname/IP address.");
            return reasons;
        },
        goodEnough: () => hasAddress() && isServed(),
    };
}

function serviceNames(ingress: Fields): string[] {
    return listAt(ingress, "spec", "rules")
        .flatMap((rule) => listAt(rule, "http", "paths"))
        .map((path) => textAt(path, "backend", "service", "name"))
        .filter((name) => name !== "");
}

function mark(names: Set<string>, name: string, present: boolean): void {
    if (present) names.add(name);
    else names.delete(name);
}
