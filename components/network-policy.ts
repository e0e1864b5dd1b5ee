/** The connections of a replica as NetworkPolicies. */
import type { Settings } from "../settings";
import { anybody, callersOf, connectionsOf, type End, type Outsider, type Port } from "./connections";
import { labels, type Place, selector } from "./labels";

/** What is let through to and from some pods of the policy's namespace: without peers anybody, without ports all. */
export interface NetworkPolicy {
    metadata: { name: string; namespace: string; labels: Record<string, string> };
    spec: {
        podSelector: { matchLabels?: Record<string, string> };
        policyTypes: ("Ingress" | "Egress")[];
        ingress?: { from?: Outsider[]; ports?: Port[] }[];
        egress?: { to?: Outsider[]; ports?: Port[] }[];
    };
}

type Spec = NetworkPolicy["spec"];

/** Where every pod asks for names. */
const names: Spec = {
    podSelector: {},
    policyTypes: ["Egress"],
    egress: [
        {
            to: [
                {
                    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
                    podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
                },
            ],
            ports: [
                { port: 53, protocol: "UDP" },
                { port: 53, protocol: "TCP" },
            ],
        },
    ],
};

/** The policies of a replica: nothing is let through, then what all pods need, then what those of each component need. */
export function policiesOf(settings: Settings, place: Place): NetworkPolicy[] {
    const ends = connectionsOf(settings).flatMap(({ from, to }) => [from, to]);
    const components = [...new Set(ends)].filter((end) => typeof end === "string");
    const specs: [name: string, spec: Spec][] = [
        ["default-deny", { podSelector: {}, policyTypes: ["Ingress", "Egress"] }],
        ["dns", names],
        ...(settings.application?.ingress?.issuer === undefined
            ? []
            : [["certificate", certificateSpec(settings)] as [string, Spec]]),
        ...components.map((name): [string, Spec] => [name, componentSpec(settings, place, name)]),
    ];
    return specs.map(([name, spec]) => ({
        metadata: { name, namespace: place.namespace, labels: labels(place, "isolation") },
        spec,
    }));
}

function componentSpec(settings: Settings, place: Place, component: string): Spec {
    const connections = connectionsOf(settings);
    const peers = (end: End) =>
        typeof end === "string" ? [{ podSelector: { matchLabels: selector(place, end) } }] : [end];
    return {
        podSelector: { matchLabels: selector(place, component) },
        policyTypes: ["Ingress", "Egress"],
        ingress: connections
            .filter(({ to }) => to === component)
            .map(({ from, ports }) => ({ ...(from !== anybody && { from: peers(from) }), ...(ports && { ports }) })),
        egress: connections
            .filter(({ from }) => from === component)
            .map(({ to, ports }) => ({ to: peers(to), ...(ports && { ports }) })),
    };
}

/** cert-manager proves whose a host is through a pod that it makes for a minute. */
function certificateSpec(settings: Settings): Spec {
    const callers = callersOf(settings);
    return {
        podSelector: { matchLabels: { "acme.cert-manager.io/http01-solver": "true" } },
        policyTypes: ["Ingress"],
        ingress: callers.map((from) => ({
            ...(from !== anybody && { from: [from] }),
            ports: [{ port: 8089, protocol: "TCP" }],
        })),
    };
}
