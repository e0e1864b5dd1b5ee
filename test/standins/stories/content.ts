import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Scene, Story } from "../story";

interface Words {
    text: string;
    password: string;
    label: string;
    /** The fixed-name ConfigMap's name in the program. */
    called?: string;
}

/** ConfigMaps and Secrets whose content cannot be changed in place, with names of their own and with made ones. */
function declare({ provider, namespace }: Scene, { text, password, label, called }: Words): void {
    const options = { provider: provider() };
    const labels = { tier: label };
    const fixed = new k8s.core.v1.ConfigMap(
        called ?? "fixed",
        { metadata: { name: "fixed", namespace, labels }, data: { text, "dotted.key": "same" } },
        options,
    );
    new k8s.core.v1.ConfigMap("made", { metadata: { namespace, labels }, data: { text } }, options);
    new k8s.core.v1.ConfigMap(
        "follows",
        { metadata: { namespace }, data: { other: fixed.metadata.uid.apply((uid) => `${uid}!`) } },
        options,
    );
    new k8s.core.v1.Secret(
        "words",
        {
            metadata: { name: "words", namespace, labels },
            stringData: { password: pulumi.secret(password), user: "anna" },
        },
        options,
    );
    new k8s.core.v1.Secret(
        "made",
        { metadata: { namespace, annotations: { note: pulumi.secret(label) } }, data: { key: "bm8gc2VjcmV0" } },
        options,
    );
}

const first: Words = { text: "one", password: "first", label: "a" };
const relabelled: Words = { ...first, label: "b" };
const rewritten: Words = { text: "two", password: "second", label: "b" };

export const content: Story = {
    name: "content",
    steps: [
        { title: "a preview of everything", run: "preview", program: (scene) => declare(scene, first) },
        { title: "everything is made" },
        { title: "nothing to do" },
        { title: "labels change in place", program: (scene) => declare(scene, relabelled) },
        { title: "a preview of new content", run: "preview", program: (scene) => declare(scene, rewritten) },
        { title: "new content replaces" },
        {
            title: "another resource with the same fixed name",
            program: (scene) => declare(scene, { ...rewritten, called: "renamed" }),
        },
        { title: "the name it had", program: (scene) => declare(scene, rewritten) },
        { title: "a destroyed stack", run: "destroy" },
    ],
};
