import * as k8s from "@pulumi/kubernetes";
import type { Scene, Story } from "../story";

const nowhere = JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "nowhere", cluster: { server: "https://127.0.0.1:9" } }],
    users: [{ name: "nobody", user: { token: "none" } }],
    contexts: [{ name: "nowhere", context: { cluster: "nowhere", user: "nobody" } }],
    "current-context": "nowhere",
});

/** A stack whose cluster is there, or is not. */
function declare({ provider, namespace }: Scene, there: boolean, text: string): void {
    const args = { enableConfigMapMutable: true, ...(there ? {} : { kubeconfig: nowhere }) };
    const options = { provider: provider(args) };
    new k8s.core.v1.ConfigMap("words", { metadata: { namespace }, data: { text } }, options);
}

export const unreachable: Story = {
    name: "unreachable",
    steps: [
        { title: "a preview without a cluster", run: "preview", program: (scene) => declare(scene, false, "one") },
        { title: "nothing can be made" },
        { title: "the cluster comes up", program: (scene) => declare(scene, true, "one") },
        {
            title: "a preview of a change without a cluster",
            run: "preview",
            program: (scene) => declare(scene, false, "two"),
        },
        { title: "nothing can be changed" },
        { title: "nothing can be read", run: "refresh" },
        { title: "nothing can be deleted", run: "destroy" },
        { title: "the cluster is back", program: (scene) => declare(scene, true, "two") },
        { title: "a destroyed stack", run: "destroy" },
    ],
};
