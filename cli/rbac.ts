/** Who can read what is in a namespace, by the roles that a cluster has bound. */
import type {
    RbacV1Subject,
    V1ClusterRole,
    V1ClusterRoleBinding,
    V1PolicyRule,
    V1Role,
    V1RoleBinding,
} from "@kubernetes/client-node";

/** What a cluster has written down about one namespace. */
export interface Rbac {
    roles: V1Role[];
    bindings: V1RoleBinding[];
    clusterRoles: V1ClusterRole[];
    clusterBindings: V1ClusterRoleBinding[];
}

/** Somebody who can read a replica in ways in which production does not let them. */
export interface Reader {
    /** `user:anna`, `group:testers` or `serviceaccount:<namespace>/<name>`. */
    subject: string;
    ways: string[];
    /** The same in production. */
    production: string[];
    /** Bindings that let them. */
    through: string[];
}

/** A way to what a namespace's pods work on, and the rights that open it. */
interface Way {
    name: string;
    groups: string[];
    resources: string[];
    verbs: string[];
}

const workloads = ["deployments", "statefulsets", "daemonsets", "replicasets", "replicationcontrollers"];

/** Who may start a pod mounts what they like into it: Secrets and volumes are theirs to read. */
const ways: Way[] = [
    { name: "secrets", groups: [""], resources: ["secrets"], verbs: ["get", "list", "watch"] },
    { name: "logs", groups: [""], resources: ["pods/log"], verbs: ["get"] },
    { name: "exec", groups: [""], resources: ["pods/exec", "pods/attach"], verbs: ["create", "get"] },
    { name: "exec", groups: [""], resources: ["pods/ephemeralcontainers"], verbs: ["update", "patch"] },
    {
        name: "port-forward",
        groups: [""],
        resources: ["pods/portforward", "pods/proxy", "services/proxy"],
        verbs: ["create", "get"],
    },
    {
        name: "pods",
        groups: ["", "apps", "batch"],
        resources: ["pods", ...workloads, "jobs", "cronjobs"],
        verbs: ["create", "update", "patch"],
    },
    {
        name: "others' rights",
        groups: ["rbac.authorization.k8s.io"],
        resources: ["roles", "clusterroles"],
        verbs: ["bind", "escalate"],
    },
    { name: "others' rights", groups: [""], resources: ["serviceaccounts/token"], verbs: ["create"] },
    { name: "others' rights", groups: [""], resources: ["users", "groups", "serviceaccounts"], verbs: ["impersonate"] },
];

/**
 * Everybody who can read a copy in a way in which they cannot read production.
 *
 * @param production undefined if nobody knows: then everybody who can read the copy
 */
export function readersBeyond(copy: Rbac, production: Rbac | undefined): Reader[] {
    const known = production === undefined ? undefined : grantsIn(production);
    return [...grantsIn(copy)]
        .map(([subject, grants]): Reader => {
            const allowed = new Set(known?.get(subject)?.map(({ way }) => way));
            const beyond = grants.filter(({ way }) => !allowed.has(way));
            const sorted = (texts: Iterable<string>) => [...new Set(texts)].sort();
            return {
                subject,
                ways: sorted(beyond.map(({ way }) => way)),
                production: sorted(allowed),
                through: sorted(beyond.map(({ binding }) => binding)),
            };
        })
        .filter((reader) => reader.ways.length > 0)
        .sort((a, b) => (a.subject < b.subject ? -1 : 1));
}

/** A way that a binding opens. */
interface Grant {
    way: string;
    binding: string;
}

function grantsIn({ roles, bindings, clusterRoles, clusterBindings }: Rbac): Map<string, Grant[]> {
    const rulesOf = (kind: string, name: string) =>
        (kind === "Role" ? roles : clusterRoles).find(({ metadata }) => metadata?.name === name)?.rules ?? [];
    const grants = new Map<string, Grant[]>();
    const add = (kind: string, { metadata, roleRef, subjects = [] }: V1RoleBinding | V1ClusterRoleBinding) => {
        const binding = `${kind} ${metadata?.name}`;
        const opened = waysOf(rulesOf(roleRef.kind, roleRef.name)).map((way) => ({ way, binding }));
        for (const subject of subjects.map((one) => nameOf(one, metadata?.namespace))) {
            grants.set(subject, [...(grants.get(subject) ?? []), ...opened]);
        }
    };
    for (const binding of bindings) {
        add("RoleBinding", binding);
    }
    for (const binding of clusterBindings) {
        add("ClusterRoleBinding", binding);
    }
    return grants;
}

function waysOf(rules: V1PolicyRule[]): string[] {
    return ways.flatMap((way) =>
        rules
            .filter((rule) => opens(rule, way))
            .map(({ resourceNames = [] }) => [way.name, ...resourceNames].join(" ")),
    );
}

function opens({ apiGroups = [], resources = [], verbs }: V1PolicyRule, way: Way): boolean {
    const has = (given: string[], wanted: string[]) => given.includes("*") || wanted.some((one) => given.includes(one));
    const parts = way.resources.map((resource) => resource.replace(/^.*\//, "*/")).filter((one) => one.includes("/"));
    return has(apiGroups, way.groups) && has(resources, [...way.resources, ...parts]) && has(verbs, way.verbs);
}

function nameOf({ kind, name, namespace }: RbacV1Subject, here: string | undefined): string {
    return kind === "ServiceAccount" ? `serviceaccount:${namespace ?? here}/${name}` : `${kind.toLowerCase()}:${name}`;
}
