import * as k8s from "@pulumi/kubernetes";
import type { Scene, Story } from "../story";

/** A namespace of the stack's own with objects in it. */
function declare({ provider, namespace }: Scene, name: string, kept = false): void {
    const options = { provider: provider({ upsertExistingObjects: true }) };
    const space = new k8s.core.v1.Namespace(
        "space",
        { metadata: { name: `${namespace}-${name}`, labels: { tier: "test" } } },
        { ...options, retainOnDelete: kept },
    );
    new k8s.core.v1.ConfigMap(
        "inside",
        { metadata: { name: "inside", namespace: space.metadata.name }, data: { text: "one" } },
        options,
    );
    new k8s.core.v1.ServiceAccount(
        "taken",
        { metadata: { namespace: space.metadata.name } },
        { ...options, deletedWith: space },
    );
}

export const order: Story = {
    name: "order",
    steps: [
        {
            title: "a preview into a namespace that is not there",
            run: "preview",
            program: (scene) => declare(scene, "one"),
        },
        { title: "namespace first" },
        { title: "another name replaces everything", program: (scene) => declare(scene, "two") },
        { title: "the namespace is kept", program: (scene) => declare(scene, "two", true) },
        { title: "a destroy leaves it", run: "destroy" },
        { title: "a preview into the kept namespace", run: "preview" },
        { title: "it is taken over", program: (scene) => declare(scene, "two") },
        { title: "namespace last", run: "destroy" },
    ],
};
