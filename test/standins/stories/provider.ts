import type { ProviderArgs } from "@pulumi/kubernetes";
import * as k8s from "@pulumi/kubernetes";
import type { Scene, Story } from "../story";

/** One object, made by a provider with these arguments. */
function declare({ provider, namespace }: Scene, args: ProviderArgs): void {
    new k8s.core.v1.ServiceAccount("account", { metadata: { namespace } }, { provider: provider(args) });
}

function elsewhere(context: string): string {
    return JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: ["one", "two"].map((name) => ({ name, cluster: { server: `https://${name}.example.org` } })),
        users: [{ name: "nobody", user: { token: "none" } }],
        contexts: ["one", "two"].map((name) => ({ name, context: { cluster: name, user: "nobody" } })),
        "current-context": context,
    });
}

const unidentified = { clusterIdentifier: undefined };

export const provider: Story = {
    name: "provider",
    steps: [
        { title: "an object is made", program: (scene) => declare(scene, {}) },
        {
            title: "another kubeconfig for the same cluster, by its identifier",
            run: "preview",
            program: (scene) => declare(scene, { kubeconfig: elsewhere("one") }),
        },
        {
            title: "another identifier",
            run: "preview",
            program: (scene) => declare(scene, { clusterIdentifier: "other" }),
        },
        { title: "the identifier goes", program: (scene) => declare(scene, unidentified) },
        {
            title: "another kubeconfig without an identifier",
            run: "preview",
            program: (scene) => declare(scene, { ...unidentified, kubeconfig: elsewhere("one") }),
        },
        {
            title: "options change in place",
            program: (scene) => declare(scene, { ...unidentified, enableSecretMutable: true }),
        },
        { title: "the identifier comes", program: (scene) => declare(scene, {}) },
        { title: "a destroyed stack", run: "destroy" },
    ],
};
