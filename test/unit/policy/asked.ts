/** Resources as a program asks for them, for the rules. */
import type { Registered } from "../../../policy/registered";
import { told } from "../../../policy/told";

/** An object of Kubernetes in the namespace `replica`. */
export function object(kind: string, name: string, fields: object, metadata: object = {}): Registered {
    const groups: Record<string, string> = {
        Job: "batch/v1",
        CronJob: "batch/v1",
        NetworkPolicy: "networking.k8s.io/v1",
    };
    const group = groups[kind] ?? (/^(Deployment|StatefulSet)$/.test(kind) ? "apps/v1" : "core/v1");
    return {
        type: `kubernetes:${group}:${kind}`,
        name: `${name}-object`,
        props: { metadata: { name, namespace: "replica", ...metadata }, ...fields },
    };
}

/** A container that no rule has anything to say of, changed as given. */
export function container(changes: object = {}) {
    return {
        name: "web",
        image: "registry.example.org:5000/shop/web:1.4",
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
        resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "1Gi" } },
        ...changes,
    };
}

/** A pod of such containers, changed as given. */
export function pod(changes: object = {}, ...containers: object[]) {
    return {
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: "RuntimeDefault" } },
        containers: containers.length === 0 ? [container()] : containers,
        ...changes,
    };
}

/** A Deployment of a pod. */
export function deployment(spec: unknown): Registered {
    return object("Deployment", "web", { spec: { template: { spec } } });
}

/** What a replica's stack file tells. */
export const replica = told(
    (key) =>
        ({ source: { namespace: "production" }, target: { context: "cluster", namespace: "replica" } })[
            key as "source"
        ],
);
