import { beforeAll, describe, expect, it } from "vitest";
import { planSchema } from "../../contract";
import { isSecret, type Registration, type Run, runProgram } from "./monitor";
import { cluster, config, expectRestricted, find, job, pods, precedents } from "./registered";

describe("the demo's stack file", () => {
    let run: Run;
    beforeAll(async () => {
        run = await runProgram({ config, cluster });
    });

    it("registers the replica and ends well", () => {
        expect(run.status).toBe(0);
        expect(run.log.filter(({ severity }) => severity !== "debug")).toEqual([]);
        expect(run.outputs).toMatchObject({ namespace: "replica", url: "http://application.replica.svc" });
        const named = [...String(run.outputs.readme).matchAll(/\$\{outputs\.(\w+)\}/g)].map(([, name]) => name);
        expect(named).toContain("url");
        for (const name of named) {
            expect(run.outputs, "what the stack's readme names").toHaveProperty([name ?? ""]);
        }
    });

    it("makes everything in the target namespace, through a provider of its own", () => {
        const objects = run.registrations.filter(({ type }) => type.startsWith("kubernetes:"));
        for (const { inputs, provider, type } of objects) {
            const { namespace } = inputs.metadata as { namespace?: string };
            const clusterWide = /:(Namespace|PersistentVolume)$/.test(type);
            expect(namespace, type).toBe(clusterWide ? undefined : "replica");
            expect(provider).toMatch(/::target-cluster::id-of/);
        }
        expect(objects.length).toBeGreaterThan(15);
    });

    it("takes over what an earlier wipe or a killed update has left", () => {
        const { inputs } = find(run, "pulumi:providers:kubernetes");
        expect(inputs).toMatchObject({
            upsertExistingObjects: "true",
            enablePatchForce: "true",
            clusterIdentifier: "understudy-demo",
        });
    });

    it("runs the agent's Jobs in the order of the way through", () => {
        const order = ["prepare-database", "prepare-media", "switch", "smoke", "retire"].map((name) => job(run, name));
        const [database, media, switched, smoke, retire] = order as [Registration, ...Registration[]];
        const application = find(run, "kubernetes:apps/v1:Deployment", "application-deployment");
        const steps = [[database, media], [switched], [application], [smoke], [retire]] as Registration[][];
        for (const [at, step] of steps.entries()) {
            for (const later of steps[at + 1] ?? []) {
                for (const earlier of step) {
                    expect(precedents(run, later), `${later.name} after ${earlier.name}`).toContain(earlier.urn);
                }
            }
        }
        expect(precedents(run, media as Registration)).not.toContain(database.urn);
    });

    it("never lets two runs of a Job overlap, and gives each a deadline below Pulumi's patience", () => {
        for (const { inputs, deleteBeforeReplace, createTimeout, type } of run.registrations) {
            if (type === "kubernetes:batch/v1:Job") {
                const { metadata, spec } = inputs as { metadata: object; spec: Record<string, unknown> };
                expect(deleteBeforeReplace).toBe(true);
                expect(spec.backoffLimit).toBe(0);
                expect(Number.parseInt(createTimeout, 10)).toBeGreaterThan(Number(spec.activeDeadlineSeconds));
                expect(spec.ttlSecondsAfterFinished).toBeUndefined();
                expect(metadata).toMatchObject({ annotations: { "pulumi.com/replaceUnready": "true" } });
            }
        }
    });

    it("mounts production's stores read-only everywhere, and keeps fsGroup away from them", () => {
        let mounted = 0;
        for (const pod of pods(run)) {
            for (const volume of pod.volumes ?? []) {
                if (volume.persistentVolumeClaim?.claimName.startsWith("source-")) {
                    mounted++;
                    expect(volume.persistentVolumeClaim.readOnly).toBe(true);
                    const mounts = pod.containers.flatMap((container) => container.volumeMounts ?? []);
                    expect(mounts.filter(({ name }) => name === volume.name)).toEqual([
                        expect.objectContaining({ readOnly: true }),
                    ]);
                    expect(pod.securityContext).not.toHaveProperty("fsGroup");
                }
            }
        }
        expect(mounted).toBe(2);
        for (const { inputs } of run.registrations.filter(({ type }) => type.endsWith(":PersistentVolume"))) {
            expect(inputs.spec).toMatchObject({
                persistentVolumeReclaimPolicy: "Retain",
                accessModes: ["ReadOnlyMany"],
            });
        }
    });

    it("runs every pod under the restricted level and without the cluster's credentials", () => {
        expect(pods(run)).toHaveLength(8);
        pods(run).forEach(expectRestricted);
    });

    it("keeps passwords secret", () => {
        const secrets = run.registrations.filter(({ type }) => type === "kubernetes:core/v1:Secret");
        expect(secrets.map(({ name }) => name).sort()).toEqual(["database-secret", "login"]);
        for (const { inputs } of secrets) {
            expect(isSecret(inputs.stringData)).toBe(true);
        }
        const stash = find(run, "pulumi:index:Stash");
        expect(isSecret(stash.inputs.input)).toBe(true);
        expect(stash.ignoreChanges).toEqual(["input"]);
    });

    it("tells the agent a whole plan, in one ConfigMap of under 1 MiB", () => {
        const { data } = find(run, "kubernetes:core/v1:ConfigMap", "agent-program").inputs as {
            data: Record<string, string>;
        };
        const plan = planSchema.parse(JSON.parse(data["plan.json"] ?? ""));
        expect(plan).toMatchObject({
            stack: "understudy/demo",
            database: {
                databases: [{ name: "catalogue", owner: "catalogue_owner" }],
                backup: "latest",
                maximumAge: 26 * 3600,
                capacity: 2 * 2 ** 30,
            },
            media: { minimumFiles: 500 },
        });
        expect(data["agent.cjs"]?.length).toBeLessThan(700_000);
    });

    it("keeps by default the media and with it the namespace, not the database", () => {
        const kept = run.registrations.filter(({ retainOnDelete }) => retainOnDelete).map(({ name }) => name);
        expect(kept.sort()).toEqual(["media-volume-claim", "target-namespace"]);
    });

    it("draws everything that mounts a volume for one node to that node", () => {
        const mounting = pods(run).filter((pod) =>
            pod.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === "media"),
        );
        expect(mounting).toHaveLength(4);
        for (const pod of mounting) {
            expect(pod.affinity).toHaveProperty("podAffinity");
        }
    });
});

describe("a replica without an application", () => {
    it("is its data alone: nothing is rolled and no page is asked, and former copies go after the switch", async () => {
        const { "understudy:application": _, ...data } = config;
        const run = await runProgram({ config: data, cluster });
        expect(run.status).toBe(0);
        const jobs = run.registrations.filter(({ type }) => type === "kubernetes:batch/v1:Job");
        expect(jobs.map(({ name }) => name).sort()).toEqual(["prepare-database", "prepare-media", "retire", "switch"]);
        expect(precedents(run, job(run, "retire"))).toContain(job(run, "switch").urn);
        expect(run.registrations.map(({ name }) => name)).not.toContain("application");
        expect(run.outputs).not.toHaveProperty("url");
    });
});
