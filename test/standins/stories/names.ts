import * as k8s from "@pulumi/kubernetes";
import type { Scene, Story } from "../story";

/** Service accounts with and without a name, in this namespace or another. */
function declare({ provider, namespace }: Scene, name?: string, elsewhere = false): void {
    const options = { provider: provider() };
    const place = elsewhere ? "default" : namespace;
    new k8s.core.v1.ServiceAccount("account", { metadata: { namespace: place, name } }, options);
}

export const names: Story = {
    name: "names",
    steps: [
        { title: "a name is made", program: (scene) => declare(scene) },
        { title: "the made name stays" },
        { title: "a name is given", program: (scene) => declare(scene, "standins-given") },
        { title: "another name is given", program: (scene) => declare(scene, "standins-other") },
        {
            title: "a preview of another namespace",
            run: "preview",
            program: (scene) => declare(scene, "standins-other", true),
        },
        { title: "another namespace" },
        { title: "no name any more", program: (scene) => declare(scene) },
        { title: "a destroyed stack", run: "destroy" },
        {
            title: "a name by the stack's own pattern",
            program: (scene) => declare(scene),
            // biome-ignore lint/suspicious/noTemplateCurlyInString: the engine's own notation
            config: { "pulumi:autonaming.pattern": "${name}-pattern" },
        },
        { title: "nothing left", run: "destroy" },
    ],
};
