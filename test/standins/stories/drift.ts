import * as k8s from "@pulumi/kubernetes";
import type { Scene, Story } from "../story";

/** Objects that others change and delete. */
function declare({ provider, namespace }: Scene, text: string, imported: boolean): void {
    const options = { provider: provider({ enableConfigMapMutable: true }) };
    new k8s.core.v1.ConfigMap("changed", { metadata: { name: "changed", namespace }, data: { text } }, options);
    new k8s.core.v1.ConfigMap("deleted", { metadata: { name: "deleted", namespace }, data: { text: "same" } }, options);
    if (imported)
        new k8s.core.v1.ConfigMap(
            "theirs",
            { metadata: { name: "theirs", namespace, labels: { by: "hand" } }, data: { text: "theirs" } },
            { ...options, import: `${namespace}/theirs` },
        );
}

const configMap = (name: string, namespace: string) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace },
});

export const drift: Story = {
    name: "drift",
    steps: [
        { title: "everything is made", program: (scene) => declare(scene, "one", false) },
        {
            title: "a refresh sees what others did",
            run: "refresh",
            before: async (hands, namespace) => {
                await hands.change({
                    ...configMap("changed", namespace),
                    data: { text: "by hand", more: "new" },
                } as never);
                await hands.remove(configMap("deleted", namespace));
            },
        },
        { title: "a field in other hands is not taken without force" },
        {
            title: "what is missing is made, what is deleted already is no error",
            before: async (hands, namespace) => hands.remove(configMap("changed", namespace)),
            run: "refresh",
        },
        { title: "everything is there again" },
        {
            title: "an update of an object that is gone",
            before: async (hands, namespace) => hands.remove(configMap("changed", namespace)),
            program: (scene) => declare(scene, "two", false),
        },
        { title: "a refresh finds out", run: "refresh" },
        {
            title: "an object of others is imported",
            before: async (hands, namespace) => {
                const labelled = configMap("theirs", namespace);
                await hands.make({
                    ...labelled,
                    metadata: { ...labelled.metadata, labels: { by: "hand" } },
                    data: { text: "theirs" },
                } as never);
            },
            program: (scene) => declare(scene, "two", true),
        },
        {
            title: "a destroy of things that are gone",
            run: "destroy",
            before: async (hands, namespace) => {
                for (const name of ["changed", "deleted", "theirs"]) await hands.remove(configMap(name, namespace));
            },
        },
    ],
};
