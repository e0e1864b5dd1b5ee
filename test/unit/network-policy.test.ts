import { describe, expect, it } from "vitest";
import type { NetworkPolicy } from "../../components/network-policy";
import { type Host, isOpen } from "../network-policy";

const web: Host = { address: "10.0.0.1", namespace: "a", labels: { app: "web" }, ports: { http: 8080 } };
const database: Host = { address: "10.0.0.2", namespace: "a", labels: { app: "database" } };
const stranger: Host = { address: "10.0.0.3", namespace: "b", labels: { app: "web" } };
const outside: Host = { address: "203.0.113.5" };

function policy(
    spec: Omit<NetworkPolicy["spec"], "policyTypes">,
    ...policyTypes: ("Ingress" | "Egress")[]
): NetworkPolicy {
    return { metadata: { name: "policy", namespace: "a", labels: {} }, spec: { ...spec, policyTypes } };
}
const closed = policy({ podSelector: {} }, "Ingress", "Egress");
const tcp = (port: number | string) => [{ port, protocol: "TCP" as const }];

describe("a connection", () => {
    it("is open where no policy selects either end, and closed in each direction that one selects", () => {
        expect(isOpen([], web, database, 5432)).toBe(true);
        expect(isOpen([policy({ podSelector: {} }, "Ingress")], outside, web, 80)).toBe(false);
        expect(isOpen([policy({ podSelector: {} }, "Ingress")], web, outside, 80)).toBe(true);
        expect(isOpen([policy({ podSelector: {} }, "Egress")], web, outside, 80)).toBe(false);
        expect(isOpen([policy({ podSelector: {} }, "Egress")], outside, web, 80)).toBe(true);
        expect(isOpen([closed], stranger, outside, 80)).toBe(true);
    });

    it("needs both ends' leave", () => {
        const out = policy({ podSelector: { matchLabels: { app: "web" } }, egress: [{}] }, "Egress");
        const inwards = policy({ podSelector: { matchLabels: { app: "database" } }, ingress: [{}] }, "Ingress");
        expect(isOpen([closed, out], web, database, 5432)).toBe(false);
        expect(isOpen([closed, inwards], web, database, 5432)).toBe(false);
        expect(isOpen([closed, out, inwards], web, database, 5432)).toBe(true);
        expect(isOpen([closed, out, inwards], database, web, 5432)).toBe(false);
    });

    it("goes by pods of the policy's own namespace, unless a namespace is named", () => {
        const from = (peer: object) => [closed, policy({ podSelector: {}, ingress: [{ from: [peer] }] }, "Ingress")];
        const pods = { podSelector: { matchLabels: { app: "web" } } };
        const space = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "b" } } };
        expect(isOpen(from(pods), stranger, database, 1)).toBe(false);
        expect(isOpen(from(space), stranger, database, 1)).toBe(true);
        expect(isOpen(from({ ...space, ...pods }), stranger, database, 1)).toBe(true);
        expect(isOpen(from({ ...space, podSelector: { matchLabels: { app: "x" } } }), stranger, database, 1)).toBe(
            false,
        );
        expect(isOpen(from(space), outside, database, 1)).toBe(false);
    });

    it("goes by addresses, but for those that are excepted", () => {
        const to = (ipBlock: { cidr: string; except?: string[] }) => [
            closed,
            policy({ podSelector: {}, egress: [{ to: [{ ipBlock }] }] }, "Egress"),
        ];
        expect(isOpen(to({ cidr: "203.0.113.0/24" }), web, outside, 1)).toBe(true);
        expect(isOpen(to({ cidr: "203.0.114.0/24" }), web, outside, 1)).toBe(false);
        expect(isOpen(to({ cidr: "0.0.0.0/0", except: ["203.0.0.0/8"] }), web, outside, 1)).toBe(false);
        expect(isOpen(to({ cidr: "::/0" }), web, outside, 1)).toBe(false);
        expect(isOpen(to({ cidr: "::/0" }), web, { address: "2001:db8::1" }, 1)).toBe(true);
    });

    it("goes by ports and protocols, and by names of ports at the end that is connected to", () => {
        const at = (port: number | string) => [
            closed,
            policy({ podSelector: {}, ingress: [{ ports: tcp(port) }] }, "Ingress"),
        ];
        expect(isOpen(at(8080), outside, web, 8080)).toBe(true);
        expect(isOpen(at(8080), outside, web, 8080, "UDP")).toBe(false);
        expect(isOpen(at(8080), outside, web, 8081)).toBe(false);
        expect(isOpen(at("http"), outside, web, 8080)).toBe(true);
        expect(isOpen(at("http"), outside, database, 8080)).toBe(false);
    });
});
