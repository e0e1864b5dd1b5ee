/** Each namespace that a stack makes is closed: what is to pass is let through by a policy of its own. */
import { at, entries, isOneOf, items, kindOf, namespaceOf, type Registered, titleOf } from "./registered";

/** Namespaces without a NetworkPolicy that lets nothing in and nothing out. */
export function closed(resources: Registered[]): string[] {
    const deniers = resources.filter(deniesAll).map(namespaceOf);
    return resources
        .filter((resource) => kindOf(resource) === "Namespace")
        .filter(({ props }) => !deniers.some((namespace) => isOneOf(namespace, at(props, "metadata", "name"))))
        .map(
            (namespace) =>
                `${titleOf(namespace)} is open: make a NetworkPolicy in it with podSelector: {}, ` +
                "policyTypes: [Ingress, Egress] and no rules",
        );
}

function deniesAll(resource: Registered): boolean {
    const spec = at(resource.props, "spec");
    const types = items(at(spec, "policyTypes"));
    return (
        kindOf(resource) === "NetworkPolicy" &&
        at(spec, "podSelector") !== undefined &&
        entries(at(spec, "podSelector")).length === 0 &&
        types.includes("Ingress") &&
        types.includes("Egress") &&
        items(at(spec, "ingress")).length + items(at(spec, "egress")).length === 0
    );
}
