import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings";
import { createAccess } from "./access";
import { labels, type Place } from "./labels";

/** Arguments of a {@link Target}. */
export interface TargetArgs extends Place {
    /** Context of the kubeconfig. */
    context: string;
    /** Level of the Pod Security Standards that the namespace enforces. */
    podSecurity: Settings["target"]["podSecurity"];
    /** Whether a wipe leaves the namespace, because it leaves a volume in it, or somebody's claim. */
    keep: boolean;
    /** Who may look at what is in it, and who may change it. */
    access: Settings["target"]["access"];
}

/** The namespace that the replica stands in, and the way to its cluster. */
export class Target extends pulumi.ComponentResource {
    /**
     * Takes over what is there already: volumes that a wipe has kept, and whatever an update that was killed has made
     * but not recorded. The preflight has seen that the namespace, and so everything in it, is this stack's own.
     */
    readonly provider: kubernetes.Provider;

    constructor(name: string, args: TargetArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:Target", name, {}, options);
        this.provider = new kubernetes.Provider(
            `${name}-cluster`,
            {
                context: args.context,
                // Otherwise any change of the kubeconfig would replace the provider, and every object with it.
                clusterIdentifier: args.context,
                enableConfigMapMutable: true,
                enableSecretMutable: true,
                upsertExistingObjects: true,
                // What is taken over has another manager's name on its fields, which would be a conflict.
                enablePatchForce: true,
            },
            { parent: this },
        );
        const security = "pod-security.kubernetes.io";
        const namespace = new kubernetes.core.v1.Namespace(
            `${name}-namespace`,
            {
                metadata: {
                    name: args.namespace,
                    labels: {
                        ...labels(args, "namespace"),
                        [`${security}/enforce`]: args.podSecurity,
                        [`${security}/warn`]: args.podSecurity,
                    },
                },
            },
            // A namespace takes everything in it along: what a wipe keeps can only be kept together with it.
            { parent: this, provider: this.provider, retainOnDelete: args.keep },
        );
        createAccess(args, args.access, { parent: this, provider: this.provider, dependsOn: [namespace] });
        this.registerOutputs();
    }
}
