import { describe, expect, it } from "vitest";
import { closed } from "../../../policy/namespaces";
import { readOnlyMounts, readOnlyVolume } from "../../../policy/production";
import { unknown } from "../../../policy/registered";
import { apart, apartInBuckets } from "../../../policy/target";
import { told } from "../../../policy/told";
import { container, deployment, object, pod, replica } from "./asked";

describe("production's volumes are read-only", () => {
    const volume = (changes: object) =>
        readOnlyVolume(
            object("PersistentVolume", "store", {
                spec: {
                    accessModes: ["ReadOnlyMany"],
                    persistentVolumeReclaimPolicy: "Retain",
                    nfs: { server: "files.example.org", path: "/", readOnly: true },
                    ...changes,
                },
            }),
        );

    it("has nothing to say of one that is", () => {
        expect(volume({})).toEqual([]);
        expect(volume({ nfs: undefined, hostPath: { path: "/" } })).toEqual([]);
        expect(volume({ accessModes: unknown, persistentVolumeReclaimPolicy: unknown })).toEqual([]);
    });

    it.each([
        [{ accessModes: ["ReadWriteMany"] }, "can be written to: write accessModes: [ReadOnlyMany]"],
        [{ accessModes: undefined }, "can be written to: write accessModes: [ReadOnlyMany]"],
        [
            { persistentVolumeReclaimPolicy: "Delete" },
            "may be deleted with its claim: write persistentVolumeReclaimPolicy: Retain",
        ],
        [{ nfs: { server: "a", path: "/" } }, "can be written to: write nfs.readOnly: true"],
        [
            { nfs: undefined, csi: { driver: "a", volumeHandle: "b", readOnly: false } },
            "can be written to: write csi.readOnly: true",
        ],
    ])("says what is wrong with %j", (changes, problem) => {
        expect(volume(changes)).toEqual([`PersistentVolume store ${problem}`]);
    });
});

describe("production's claims are mounted read-only", () => {
    const claim = (name: string, fields: object) => object("PersistentVolumeClaim", name, { spec: fields });
    const claims = [
        claim("media", { accessModes: ["ReadWriteMany"] }),
        claim("source-media", { storageClassName: "" }),
    ];
    const mounting = (claimName: string, readOnly: boolean | undefined, mounted = readOnly, changes: object = {}) =>
        deployment(
            pod(
                { volumes: [{ name: "files", persistentVolumeClaim: { claimName, readOnly } }], ...changes },
                container({ volumeMounts: [{ name: "files", mountPath: "/files", readOnly: mounted }] }),
            ),
        );
    const of = (...resources: Parameters<typeof readOnlyMounts>[0]) =>
        readOnlyMounts([...claims, ...resources], replica);
    const begin = "Deployment web mounts source-media, which this stack has not filled,";

    it("has nothing to say of one that is, and of the stack's own", () => {
        expect(of(mounting("source-media", true))).toEqual([]);
        expect(of(mounting("media", undefined))).toEqual([]);
    });

    it("says how it could be written to", () => {
        expect(of(mounting("source-media", undefined, true))).toEqual([
            `${begin} to write to it: write readOnly: true at the volume's claim`,
        ]);
        expect(of(mounting("source-media", true, false))).toEqual([
            `${begin} to write to it: write readOnly: true at each of its mounts`,
        ]);
    });

    it("says when owners on it would be changed", () => {
        const securityContext = { ...pod().securityContext, fsGroup: 10001 };
        expect(of(mounting("source-media", true, true, { securityContext }))).toEqual([
            `${begin} and changes whose its files are: leave out fsGroup`,
        ]);
        expect(of(mounting("media", undefined, undefined, { securityContext }))).toEqual([]);
    });

    it("takes a claim for production's that the stack has not made, or made in another namespace", () => {
        expect(of(mounting("brought", undefined))).toHaveLength(2);
        const elsewhere = object("PersistentVolumeClaim", "other", { spec: {} }, { namespace: "elsewhere" });
        expect(of(elsewhere, mounting("other", undefined))).toHaveLength(2);
    });

    it("lets production's side fill its own stores, and nothing else", () => {
        const settings: Record<string, unknown> = {
            role: "source",
            store: { claim: "backups" },
            media: { claim: "live", store: "copies" },
        };
        const side = told((key) => settings[key]);
        for (const store of ["backups", "copies"]) {
            expect(readOnlyMounts([mounting(store, undefined)], side)).toEqual([]);
        }
        expect(readOnlyMounts([mounting("live", undefined)], side)).toHaveLength(2);
        const pretended = told((key) => (key === "role" ? "replica" : settings[key]));
        expect(readOnlyMounts([mounting("backups", undefined)], pretended)).toHaveLength(2);
    });
});

describe("the target is not the source", () => {
    const provider = (context: string) => ({
        type: "pulumi:providers:kubernetes",
        name: "target-cluster",
        props: { context },
    });
    const elsewhere = told(
        (key) =>
            ({ source: { namespace: "production", context: "live" }, target: { context: "cluster" } })[key as "source"],
    );

    it("has nothing to say of what stands elsewhere, and of production's own side", () => {
        expect(apart(object("ConfigMap", "texts", {}), replica)).toEqual([]);
        expect(apart(object("ConfigMap", "texts", {}, { namespace: unknown }), replica)).toEqual([]);
        expect(apart(object("ConfigMap", "texts", {}, { namespace: "production" }), elsewhere)).toEqual([]);
        expect(apart(provider("cluster"), elsewhere)).toEqual([]);
        expect(apart(provider("cluster"), replica)).toEqual([]);
        const side = told((key) => ({ role: "source", source: { namespace: "production" } })[key as "role"]);
        expect(apart(object("CronJob", "publish", {}, { namespace: "production" }), side)).toEqual([]);
        expect(
            apart(
                object("ConfigMap", "texts", {}, { namespace: "production" }),
                told(() => undefined),
            ),
        ).toEqual([]);
    });

    it("says what would be made in production's namespace", () => {
        const sentence = "stands in production's namespace production: write another target.namespace";
        expect(apart(object("ConfigMap", "texts", {}, { namespace: "production" }), replica)).toEqual([
            `ConfigMap texts ${sentence}`,
        ]);
        expect(apart(object("Namespace", "production", {}, { namespace: undefined }), replica)).toEqual([
            `Namespace production ${sentence}`,
        ]);
    });

    it("says what leads to production's cluster", () => {
        expect(apart(provider("live"), elsewhere)).toEqual([
            "kubernetes target-cluster leads to production's cluster, context live: write target.context",
        ]);
    });
});

describe("a bucket that is copied from is not copied to", () => {
    const grant = (name: string, place: string, ...Action: string[]) => ({
        type: "aws:iam/userPolicy:UserPolicy",
        name,
        props: {
            policy: JSON.stringify({ Statement: [{ Effect: "Allow", Action, Resource: `arn:aws:s3:::${place}` }] }),
        },
    });
    const reads = (place: string) => grant("reader", place, "s3:GetObject");
    const writes = (place: string) => grant("writer", place, "s3:GetObject", "s3:PutObject");

    it("has nothing to say of two places", () => {
        expect(apartInBuckets([reads("live/files/*"), writes("copy/files/*")])).toEqual([]);
        expect(apartInBuckets([reads("live/files/*"), writes("live/copies/*")])).toEqual([]);
    });

    it.each(["live/files/*", "live/*", "live/files/2024/*"])("says that %s is read as a source", (place) => {
        expect(apartInBuckets([reads("live/files/*"), writes(place)])).toEqual([
            `UserPolicy writer lets a copy write to arn:aws:s3:::${place}, which is read as a source: write another to.bucket or to.prefix`,
        ]);
    });
});

describe("namespaces are closed", () => {
    const namespace = object("Namespace", "replica", {}, { namespace: undefined });
    const policy = (changes: object = {}, metadata: object = {}) =>
        object(
            "NetworkPolicy",
            "default-deny",
            { spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"], ...changes } },
            metadata,
        );
    const sentence =
        "Namespace replica is open: make a NetworkPolicy in it with podSelector: {}, policyTypes: [Ingress, Egress] and no rules";

    it("has nothing to say of one with a policy that lets nothing pass, and of a stack that makes none", () => {
        expect(closed([namespace, policy()])).toEqual([]);
        expect(closed([object("ConfigMap", "texts", {})])).toEqual([]);
    });

    it.each([
        ["nothing at all", undefined],
        ["one in another namespace", policy({}, { namespace: "other" })],
        ["one for some pods", policy({ podSelector: { matchLabels: { app: "web" } } })],
        ["one that is for callers alone", policy({ policyTypes: ["Ingress"] })],
        ["one that lets something out", policy({ egress: [{}] })],
    ])("says that it is open with %s", (_, other) => {
        expect(closed(other === undefined ? [namespace] : [namespace, other])).toEqual([sentence]);
    });
});
