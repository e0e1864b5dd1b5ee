/** Who may look at a replica's objects, and who may change them. */
import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { AccessSettings } from "../settings/access";
import { labels, type Place } from "./labels";

const apiGroup = "rbac.authorization.k8s.io";

/** Binds the cluster's own roles `view` and `edit` in the replica's namespace; nothing for nobody. */
export function createAccess(
    place: Place,
    access: AccessSettings,
    options: pulumi.CustomResourceOptions,
): kubernetes.rbac.v1.RoleBinding[] {
    return (["view", "edit"] as const)
        .filter((role) => access[role].length > 0)
        .map(
            (role) =>
                new kubernetes.rbac.v1.RoleBinding(
                    `access-${role}`,
                    {
                        metadata: {
                            name: `understudy-${role}`,
                            namespace: place.namespace,
                            labels: labels(place, "access"),
                        },
                        roleRef: { apiGroup, kind: "ClusterRole", name: role },
                        subjects: access[role].map(subjectOf),
                    },
                    options,
                ),
        );
}

/** `user:anna` and the like as Kubernetes writes it. */
function subjectOf(text: string) {
    const [, kind, name = ""] = /^(user|group|serviceaccount):(.+)$/.exec(text) ?? [];
    if (kind === "serviceaccount") {
        const [namespace = "", account = ""] = name.split("/");
        return { kind: "ServiceAccount", namespace, name: account };
    }
    return { apiGroup, kind: kind === "group" ? "Group" : "User", name };
}
