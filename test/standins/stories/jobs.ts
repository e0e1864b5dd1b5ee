import * as k8s from "@pulumi/kubernetes";
import type { Scene, Story } from "../story";
import { image } from "./image";

interface Words {
    /** What the Job's only container does. */
    script: string;
    deadline?: number;
    suspended?: boolean;
}

const say = (sentence: string, status: number) => `echo -n '${sentence}' > /dev/termination-log; exit ${status}`;

/** One-shot Jobs with a made and with a fixed name. */
function declare({ provider, namespace }: Scene, { script, deadline }: Words, replaceUnready = true): void {
    const options = { provider: provider(), customTimeouts: { create: "60s", update: "60s", delete: "60s" } };
    const annotations = replaceUnready ? { "pulumi.com/replaceUnready": "true" } : undefined;
    const spec = {
        backoffLimit: 0,
        activeDeadlineSeconds: deadline ?? 50,
        template: {
            metadata: { annotations: { script } },
            spec: {
                restartPolicy: "Never",
                terminationGracePeriodSeconds: 0,
                containers: [{ name: "main", image, command: ["sh", "-c", script] }],
            },
        },
    };
    new k8s.batch.v1.Job(
        "made",
        { metadata: { namespace, annotations }, spec },
        { ...options, deleteBeforeReplace: true },
    );
    new k8s.batch.v1.Job("fixed", { metadata: { name: "fixed", namespace, annotations }, spec }, options);
}

export const jobs: Story = {
    name: "jobs",
    steps: [
        { title: "a preview", run: "preview", program: (scene) => declare(scene, { script: say("done well", 0) }) },
        { title: "they succeed" },
        { title: "nothing to do" },
        {
            title: "a deadline changes in place",
            program: (scene) => declare(scene, { script: say("done well", 0), deadline: 49 }),
        },
        { title: "a refresh sees the deadline", run: "refresh" },
        {
            title: "a preview of other work",
            run: "preview",
            program: (scene) => declare(scene, { script: say("the backup is torn", 3) }),
        },
        { title: "they fail and say why" },
        { title: "a preview after a failure", run: "preview" },
        { title: "the same again fails again" },
        {
            title: "failed without replaceUnready",
            program: (scene) => declare(scene, { script: say("the backup is torn", 3) }, false),
        },
        { title: "a refresh sees the failure", run: "refresh" },
        { title: "corrected", program: (scene) => declare(scene, { script: say("done at last", 0) }) },
        {
            title: "too slow for the deadline",
            program: (scene) => declare(scene, { script: "sleep 60", deadline: 10 }),
        },
        { title: "a destroyed stack", run: "destroy" },
    ],
};
