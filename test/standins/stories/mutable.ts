import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Scene, Story } from "../story";

interface Words {
    data: Record<string, string>;
    sealed: string;
    type?: string;
}

/** ConfigMaps and Secrets that a provider changes in place, unless they are sealed. */
function declare({ provider, namespace }: Scene, { data, sealed, type }: Words): void {
    const options = { provider: provider({ enableConfigMapMutable: true, enableSecretMutable: true }) };
    new k8s.core.v1.ConfigMap("open", { metadata: { name: "open", namespace }, data }, options);
    new k8s.core.v1.ConfigMap(
        "sealed",
        { metadata: { name: "sealed", namespace }, immutable: true, data: { sealed } },
        options,
    );
    new k8s.core.v1.Secret("open", { metadata: { namespace }, type, stringData: pulumi.secret(data) }, options);
    new k8s.core.v1.Secret("sealed", { metadata: { namespace }, immutable: true, stringData: { sealed } }, options);
}

export const mutable: Story = {
    name: "mutable",
    steps: [
        { title: "everything is made", program: (scene) => declare(scene, { data: { a: "1", b: "1" }, sealed: "1" }) },
        {
            title: "a preview of a changed and a removed key",
            run: "preview",
            program: (scene) => declare(scene, { data: { a: "2" }, sealed: "1" }),
        },
        { title: "a key changes and a key goes" },
        { title: "nothing to do" },
        { title: "a key comes back", program: (scene) => declare(scene, { data: { a: "2", c: "1" }, sealed: "1" }) },
        {
            title: "what is sealed is replaced",
            program: (scene) => declare(scene, { data: { a: "2", c: "1" }, sealed: "2" }),
        },
        {
            title: "a Secret's type is never changed in place",
            program: (scene) => declare(scene, { data: { a: "2", c: "1" }, sealed: "2", type: "example.org/own" }),
        },
        { title: "a destroyed stack", run: "destroy" },
    ],
};
