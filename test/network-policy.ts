/** What NetworkPolicies come to: the rules of Kubernetes, for a cluster whose network does not enforce them. */
import type { NetworkPolicy } from "../components/network-policy";
import { holds } from "../preflight/exposure";

/** A pod; without a namespace it is a host outside of the cluster. */
export interface Host {
    address: string;
    namespace?: string;
    labels?: Record<string, string>;
    /** Its ports by their names. */
    ports?: Record<string, number>;
}

type Rule = NonNullable<NetworkPolicy["spec"]["ingress"]>[number];
type Peer = NonNullable<Rule["from"]>[number];
type Port = NonNullable<Rule["ports"]>[number];

/** Whether a connection comes about: both sides have to let it through. */
export function isOpen(
    policies: NetworkPolicy[],
    from: Host,
    to: Host,
    port: number,
    protocol: "TCP" | "UDP" = "TCP",
): boolean {
    const opens = (
        host: Host,
        other: Host,
        type: "Ingress" | "Egress",
        rulesOf: (spec: NetworkPolicy["spec"]) => { peers?: Peer[] | undefined; ports?: Port[] | undefined }[],
    ) => {
        const selecting = policies.filter(
            ({ metadata, spec }) =>
                metadata.namespace === host.namespace &&
                spec.policyTypes.includes(type) &&
                isSelected(spec.podSelector, host.labels),
        );
        // Who is selected by no policy of a direction is open in it.
        return (
            selecting.length === 0 ||
            selecting.some(({ metadata, spec }) =>
                rulesOf(spec).some(
                    ({ peers = [], ports = [] }) =>
                        (peers.length === 0 || peers.some((peer) => isPeer(peer, other, metadata.namespace))) &&
                        (ports.length === 0 ||
                            ports.some((one) => one.protocol === protocol && numberOf(one.port, to) === port)),
                ),
            )
        );
    };
    return (
        opens(from, to, "Egress", ({ egress = [] }) => egress.map(({ to: peers, ports }) => ({ peers, ports }))) &&
        opens(to, from, "Ingress", ({ ingress = [] }) => ingress.map(({ from: peers, ports }) => ({ peers, ports })))
    );
}

/** A port's name is the one that the pod at the other end gives it. */
function numberOf(port: number | string, { ports = {} }: Host): number | undefined {
    return typeof port === "number" ? port : ports[port];
}

function isPeer({ ipBlock, namespaceSelector, podSelector }: Peer, host: Host, own: string): boolean {
    if (ipBlock !== undefined) {
        const { cidr, except = [] } = ipBlock;
        return holds(cidr, host.address) && !except.some((range) => holds(range, host.address));
    }
    if (host.namespace === undefined) {
        return false;
    }
    const isThere =
        namespaceSelector === undefined
            ? host.namespace === own
            : isSelected(namespaceSelector, { "kubernetes.io/metadata.name": host.namespace });
    return isThere && isSelected(podSelector ?? {}, host.labels);
}

function isSelected(
    { matchLabels = {} }: { matchLabels?: Record<string, string> },
    labels: Record<string, string> = {},
) {
    return Object.entries(matchLabels).every(([name, value]) => labels[name] === value);
}
