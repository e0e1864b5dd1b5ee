import { describe, expect, it } from "vitest";
import { limited, pinned } from "../../../policy/containers";
import { secret, unknown } from "../../../policy/registered";
import { restricted } from "../../../policy/restricted";
import { container, deployment, object, pod } from "./asked";

describe("pods are restricted", () => {
    const of = (changes: object) => restricted(deployment(pod(changes)));
    const ofContainer = (changes: object) => restricted(deployment(pod({}, container(changes))));
    const security = (changes: object) => ({
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] }, ...changes },
    });

    it("has nothing to say of one that is, of one that is not known yet, and of what has no pods", () => {
        expect(restricted(deployment(pod()))).toEqual([]);
        expect(restricted(deployment(unknown))).toEqual([]);
        expect(ofContainer({ securityContext: unknown })).toEqual([]);
        expect(restricted(object("ConfigMap", "texts", { data: {} }))).toEqual([]);
    });

    it.each([
        [{ hostNetwork: true }, "Deployment web: the pod shares its node's own: leave out hostNetwork"],
        [{ hostPID: true }, "Deployment web: the pod shares its node's own: leave out hostPID"],
        [{ hostIPC: true }, "Deployment web: the pod shares its node's own: leave out hostIPC"],
        [
            { volumes: [{ name: "disk", hostPath: { path: "/" } }] },
            "Deployment web: volume disk is a hostPath: mount it by a claim of its own",
        ],
        [
            { automountServiceAccountToken: undefined },
            "Deployment web: the pod gets the cluster's credentials without a service account of its own: write automountServiceAccountToken: false, or serviceAccountName",
        ],
        [
            { automountServiceAccountToken: true, serviceAccountName: "default" },
            "Deployment web: the pod gets the cluster's credentials without a service account of its own: write automountServiceAccountToken: false, or serviceAccountName",
        ],
        [
            { securityContext: { seccompProfile: { type: "RuntimeDefault" } } },
            "Deployment web: container web may run as root: write runAsNonRoot: true",
        ],
        [
            { securityContext: { runAsNonRoot: true } },
            "Deployment web: container web may call all of the kernel: write seccompProfile.type: RuntimeDefault",
        ],
    ])("says what is wrong with a pod: %j", (changes, sentence) => {
        expect(of(changes)).toEqual([sentence]);
    });

    it.each([
        [security({ runAsNonRoot: false }), "may run as root: write runAsNonRoot: true"],
        [security({ runAsUser: 0 }), "runs as root: write another runAsUser"],
        [security({ privileged: true }), "is privileged: leave out privileged"],
        [
            security({ allowPrivilegeEscalation: undefined }),
            "may get more privileges: write allowPrivilegeEscalation: false",
        ],
        [security({ capabilities: {} }), "keeps capabilities: write capabilities.drop: [ALL]"],
        [security({ capabilities: { drop: ["ALL"], add: ["SYS_ADMIN"] } }), "adds capabilities: leave out SYS_ADMIN"],
        [
            security({ seccompProfile: { type: "Unconfined" } }),
            "may call all of the kernel: write seccompProfile.type: RuntimeDefault",
        ],
        [{ ports: [{ containerPort: 80, hostPort: 80 }] }, "takes a port of its node: leave out hostPort"],
    ])("says what is wrong with a container: %j", (changes, problem) => {
        expect(ofContainer(changes)).toEqual([`Deployment web: container web ${problem}`]);
    });

    it("looks at containers that run before the others, and at the pods of schedules", () => {
        const bad = container({ name: "first", securityContext: { capabilities: { drop: ["ALL"] } } });
        const expected = "container first may get more privileges: write allowPrivilegeEscalation: false";
        expect(of({ initContainers: [bad] })).toEqual([`Deployment web: ${expected}`]);
        const spec = { jobTemplate: { spec: { template: { spec: pod({}, bad) } } } };
        expect(restricted(object("CronJob", "nightly", { spec }))).toEqual([`CronJob nightly: ${expected}`]);
    });

    it("lets a named account have its token", () => {
        expect(of({ automountServiceAccountToken: true, serviceAccountName: "publisher" })).toEqual([]);
    });

    it("lets only the Jobs that keep production's owners be root, with what that takes", () => {
        const root = (add: string[]) =>
            pod(
                { securityContext: { runAsUser: 0, seccompProfile: { type: "RuntimeDefault" } } },
                container(security({ capabilities: { drop: ["ALL"], add } })),
            );
        const job = (name: string, add: string[]) => {
            const labels = { "app.kubernetes.io/part-of": "understudy", "app.kubernetes.io/name": name };
            return restricted(object("Job", name, { spec: { template: { spec: root(add) } } }, { labels }));
        };
        expect(job("prepare-media", ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"])).toEqual([]);
        expect(job("retire", ["CHOWN"])).toEqual([]);
        expect(job("prepare-media", ["SYS_ADMIN"])).toEqual([
            "Job prepare-media: container web adds capabilities: leave out SYS_ADMIN",
        ]);
        expect(job("switch", [])).toHaveLength(2);
    });
});

describe("images are pinned", () => {
    const of = (image: unknown) => pinned(deployment(pod({}, container({ image }))));

    it.each(["postgres:15-bookworm", "registry:5000/a/b:1", "a/b@sha256:0123", "a:latest@sha256:0123", unknown])(
        "has nothing to say of %s",
        (image) => expect(of(image)).toEqual([]),
    );

    it.each([
        ["postgres", "runs postgres, which is another image tomorrow: write its tag or its digest"],
        ["registry:5000/a", "runs registry:5000/a, which is another image tomorrow: write its tag or its digest"],
        ["postgres:latest", "runs postgres:latest, which is another image tomorrow: write the tag of a version"],
        [undefined, "names no image: write one with its tag"],
    ])("says what is wrong with %s", (image, problem) => {
        expect(of(image)).toEqual([`Deployment web: container web ${problem}`]);
    });
});

describe("containers are limited", () => {
    const of = (resources: unknown) => limited(deployment(pod({}, container({ resources }))));

    it("has nothing to say of one with requests and a limit, or of what is not known", () => {
        expect(limited(deployment(pod()))).toEqual([]);
        expect(of(unknown)).toEqual([]);
        expect(of(secret)).toEqual([]);
    });

    it("names each share that is missing", () => {
        expect(of({ requests: { cpu: "1" } })).toEqual([
            "Deployment web: container web has no requests.memory: write resources.requests.memory",
            "Deployment web: container web has no limits.memory: write resources.limits.memory",
        ]);
        expect(of({ requests: { memory: "1Gi" }, limits: { memory: "1Gi" } })).toEqual([
            "Deployment web: container web has no requests.cpu: write resources.requests.cpu",
        ]);
    });
});
