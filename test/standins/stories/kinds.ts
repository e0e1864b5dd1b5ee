import * as k8s from "@pulumi/kubernetes";
import type { Scene, Story } from "../story";

interface Words {
    label: string;
    verbs: string[];
    role: string;
    limit: string;
    schedule: string;
    address?: string;
}

/** The kinds that need no pod, written in ways that the API server writes differently. */
function declare({ provider, namespace }: Scene, { label, verbs, role, limit, schedule, address }: Words): void {
    const options = { provider: provider() };
    const metadata = { namespace, labels: { tier: label } };
    const selector = { matchLabels: { app: "none" } };
    new k8s.rbac.v1.Role("role", { metadata, rules: [{ apiGroups: [""], resources: ["pods"], verbs }] }, options);
    new k8s.rbac.v1.RoleBinding(
        "binding",
        {
            metadata: { ...metadata, name: "binding" },
            roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role },
            subjects: [{ kind: "ServiceAccount", name: "default", namespace }],
        },
        options,
    );
    new k8s.networking.v1.NetworkPolicy(
        "deny",
        { metadata, spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"], ingress: [] } },
        options,
    );
    new k8s.core.v1.ResourceQuota(
        "quota",
        { metadata, spec: { hard: { "requests.cpu": "1.5", "limits.memory": "2048Mi", pods: limit } } },
        options,
    );
    new k8s.core.v1.LimitRange(
        "limits",
        { metadata, spec: { limits: [{ type: "Container", default: { cpu: "0.5", memory: "1024Mi" } }] } },
        options,
    );
    new k8s.core.v1.Service(
        "service",
        { metadata: { ...metadata, name: "service" }, spec: { clusterIP: address ?? "None", ports: [{ port: 80 }] } },
        options,
    );
    new k8s.networking.v1.Ingress(
        "ingress",
        {
            metadata: { ...metadata, annotations: { "pulumi.com/skipAwait": "true" } },
            spec: {
                defaultBackend: { service: { name: "service", port: { number: 80 } } },
            },
        },
        options,
    );
    new k8s.batch.v1.CronJob(
        "cron",
        {
            metadata,
            spec: {
                schedule,
                suspend: true,
                jobTemplate: {
                    spec: {
                        template: {
                            spec: {
                                restartPolicy: "Never",
                                hostNetwork: false,
                                containers: [
                                    {
                                        name: "main",
                                        image: "none",
                                        env: [{ name: "EMPTY", value: "" }],
                                        resources: { requests: { cpu: "0.1", memory: "1000Ki" } },
                                        volumeMounts: [{ name: "v", mountPath: "/v", readOnly: false }],
                                    },
                                ],
                                volumes: [{ name: "v", emptyDir: {} }],
                            },
                        },
                    },
                },
            },
        },
        options,
    );
    new k8s.apps.v1.Deployment(
        "none",
        {
            metadata: { ...metadata, annotations: { "pulumi.com/skipAwait": "true" } },
            spec: {
                replicas: 0,
                selector,
                template: {
                    metadata: { labels: selector.matchLabels },
                    spec: { containers: [{ name: "main", image: "none", args: ["--tier", label] }] },
                },
            },
        },
        options,
    );
    new k8s.core.v1.PersistentVolume(
        "volume",
        {
            metadata: { labels: metadata.labels },
            spec: {
                storageClassName: "",
                capacity: { storage: "1024Mi" },
                accessModes: ["ReadOnlyMany"],
                persistentVolumeReclaimPolicy: "Retain",
                hostPath: { path: `/nowhere/${role}` },
            },
        },
        options,
    );
}

const first: Words = { label: "a", verbs: ["get"], role: "one", limit: "1000", schedule: "0 3 * * *" };
const next: Words = { ...first, label: "b", verbs: ["get", "list"], limit: "2k", schedule: "0 4 * * *" };

export const kinds: Story = {
    name: "kinds",
    steps: [
        { title: "a preview of everything", run: "preview", program: (scene) => declare(scene, first) },
        { title: "everything is made" },
        { title: "nothing to do" },
        { title: "changes in place", program: (scene) => declare(scene, next) },
        {
            title: "a preview of replacements",
            run: "preview",
            program: (scene) => declare(scene, { ...next, role: "two", address: "10.96.7.7" }),
        },
        { title: "replacements" },
        { title: "a refresh finds nothing", run: "refresh" },
        { title: "a destroyed stack", run: "destroy" },
    ],
};
