import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { catalogueConfigMap } from "../contract/manifest";
import type { Workload } from "../contract/publication";
import { labels, type Place } from "./labels";

/** Arguments of a {@link PublisherAccount}. */
export interface PublisherAccountArgs extends Place {
    /** What runs production's tag, if anybody wants to know. */
    workload: Workload | undefined;
}

/** Name of the publisher's service account, of its role, and of that role's binding. */
export const publisherAccount = "understudy-publisher";

/** Who the publisher is in the cluster: it may write the catalogue's ConfigMap and look at one workload, nothing else. */
export class PublisherAccount extends pulumi.ComponentResource {
    constructor(name: string, args: PublisherAccountArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:PublisherAccount", name, {}, options);
        const metadata = { name: publisherAccount, namespace: args.namespace, labels: labels(args, "publisher") };
        const account = new kubernetes.core.v1.ServiceAccount(
            `${name}-account`,
            // Its pods ask for the token by themselves, and nobody else's get one.
            { metadata, automountServiceAccountToken: false },
            { parent: this },
        );
        const role = new kubernetes.rbac.v1.Role(
            `${name}-role`,
            { metadata, rules: rulesOf(args.workload) },
            { parent: this },
        );
        new kubernetes.rbac.v1.RoleBinding(
            `${name}-binding`,
            {
                metadata,
                roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: publisherAccount },
                subjects: [{ kind: "ServiceAccount", name: publisherAccount, namespace: args.namespace }],
            },
            { parent: this, dependsOn: [account, role] },
        );
        this.registerOutputs();
    }
}

function rulesOf(workload: Workload | undefined) {
    const catalogue = {
        apiGroups: [""],
        resources: ["configmaps"],
        resourceNames: [catalogueConfigMap],
        verbs: ["get", "patch"],
    };
    const tag = workload && {
        apiGroups: ["apps"],
        resources: [`${workload.kind.toLowerCase()}s`],
        resourceNames: [workload.name],
        verbs: ["get"],
    };
    return tag === undefined ? [catalogue] : [catalogue, tag];
}
