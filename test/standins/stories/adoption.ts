import * as k8s from "@pulumi/kubernetes";
import type { Hands } from "../hands";
import type { Scene, Story } from "../story";

/** Objects that are there already, some of them kept at a destroy. */
function declare({ provider, namespace }: Scene, upsert: boolean, kept: boolean): void {
    const options = { provider: provider({ upsertExistingObjects: upsert, enableConfigMapMutable: true }) };
    new k8s.core.v1.ConfigMap(
        "there",
        { metadata: { name: "there", namespace }, data: { ours: "1" } },
        { ...options, retainOnDelete: kept },
    );
    new k8s.core.v1.ServiceAccount("new", { metadata: { name: "new", namespace } }, options);
}

async function makeThere(hands: Hands, namespace: string): Promise<void> {
    const object = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "there", namespace },
        data: { theirs: "1" },
    };
    await hands.make(object);
}

export const adoption: Story = {
    name: "adoption",
    steps: [
        {
            title: "a preview does not mind an object that is there",
            run: "preview",
            before: makeThere,
            program: (scene) => declare(scene, false, true),
        },
        { title: "an object that is there is refused" },
        { title: "a preview of taking it over", run: "preview", program: (scene) => declare(scene, true, true) },
        { title: "it is taken over" },
        { title: "nothing to do" },
        { title: "what is kept stays", run: "destroy" },
        { title: "what was kept is refused", program: (scene) => declare(scene, false, true) },
        { title: "what was kept is taken over", program: (scene) => declare(scene, true, false) },
        { title: "nothing is kept", run: "destroy" },
    ],
};
