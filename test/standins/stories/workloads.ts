import * as k8s from "@pulumi/kubernetes";
import type { Scene, Story } from "../story";
import { image } from "./image";

interface Words {
    image: string;
    text: string;
    serviceName?: string;
    /** The Service selects pods that are not there. */
    astray?: boolean;
    /** Seconds until an attempt is given up. */
    patience?: number;
}

/** A Deployment, a StatefulSet and Services in front of them. */
function declare({ provider, namespace }: Scene, words: Words): void {
    const seconds = `${words.patience ?? 60}s`;
    const options = { provider: provider(), customTimeouts: { create: seconds, update: seconds, delete: "60s" } };
    const workload = (app: string) => ({
        replicas: 1,
        selector: { matchLabels: { app } },
        template: {
            metadata: { labels: { app }, annotations: { text: words.text } },
            spec: {
                terminationGracePeriodSeconds: 0,
                containers: [
                    { name: "main", image: words.image, command: ["sleep", "600"], imagePullPolicy: "IfNotPresent" },
                ],
            },
        },
    });
    new k8s.apps.v1.Deployment("deployment", { metadata: { namespace }, spec: workload("deployment") }, options);
    new k8s.apps.v1.StatefulSet(
        "set",
        {
            metadata: { name: "set", namespace },
            spec: { ...workload("set"), serviceName: words.serviceName ?? "set" },
        },
        options,
    );
    new k8s.core.v1.Service(
        "headless",
        {
            metadata: { name: "set", namespace },
            spec: { clusterIP: "None", selector: { app: "set" }, ports: [{ port: 80 }] },
        },
        options,
    );
    new k8s.core.v1.Service(
        "front",
        {
            metadata: { name: "front", namespace },
            spec: {
                selector: { app: words.astray ? "nobody" : "deployment" },
                ports: [{ port: 80, targetPort: 8080 }],
            },
        },
        options,
    );
}

const good: Words = { image, text: "one" };

export const workloads: Story = {
    name: "workloads",
    steps: [
        { title: "a preview", run: "preview", program: (scene) => declare(scene, good) },
        { title: "everything runs" },
        { title: "nothing to do" },
        { title: "pods roll", program: (scene) => declare(scene, { ...good, text: "two" }) },
        {
            title: "an image that is not there",
            program: (scene) => declare(scene, { image: "localhost/none:1", text: "two", patience: 8 }),
        },
        {
            title: "the same again",
            program: (scene) => declare(scene, { image: "localhost/none:1", text: "two", patience: 3 }),
        },
        {
            title: "corrected, but the set keeps its broken pod",
            program: (scene) => declare(scene, { ...good, text: "two", patience: 8 }),
        },
        {
            title: "the broken pod is deleted by hand",
            before: (hands, namespace) =>
                hands.remove({ apiVersion: "v1", kind: "Pod", metadata: { name: "set-0", namespace } }),
            program: (scene) => declare(scene, { ...good, text: "two" }),
        },
        {
            title: "a preview of a set with another service",
            run: "preview",
            program: (scene) => declare(scene, { ...good, text: "two", serviceName: "front" }),
        },
        {
            title: "a set with another service, a service without endpoints",
            program: (scene) => declare(scene, { ...good, text: "two", serviceName: "front", astray: true }),
        },
        { title: "a refresh finds nothing", run: "refresh" },
        { title: "a destroyed stack", run: "destroy" },
    ],
};
