import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { nodeImage } from "../../components/agent-pod";
import { rcloneImage } from "../../components/bucket";
import { publicationSchema } from "../../contract/publication";
import { configOf, type Registration, type Run, runProgram } from "./monitor";
import { type Container, changed, find, type Pod } from "./registered";

const config = configOf(readFileSync(path.join(__dirname, "../../Pulumi.production.yaml"), "utf8"));
const options = { config, stack: "production" };

/** What a CronJob asks for. */
interface Schedule {
    schedule: string;
    jobTemplate: { spec: { activeDeadlineSeconds: number; template: { spec: Pod & { serviceAccountName?: string } } } };
}

describe("the stack file of production's side", () => {
    let run: Run;
    const cron = (command: string) =>
        find(run, "kubernetes:batch/v1:CronJob", `publisher-${command}`).inputs.spec as Schedule;
    const pod = (command: string) => cron(command).jobTemplate.spec.template.spec;
    const container = (command: string) => pod(command).containers[0] as Container;
    beforeAll(async () => {
        run = await runProgram(options);
    });

    it("registers its side in production's namespace, and neither that nor anything of a replica", () => {
        expect(run.status).toBe(0);
        const objects = run.registrations.filter(({ type }) => type.startsWith("kubernetes:"));
        expect(objects.map(({ type, inputs }) => `${type.split(":")[2]} ${named(inputs)}`).sort()).toEqual([
            "ConfigMap understudy-catalogue",
            "ConfigMap understudy-publisher",
            "CronJob understudy-publish",
            "CronJob understudy-publish-media",
            "CronJob understudy-verify-media",
            "CronJob understudy-verify-store",
            "Role understudy-publisher",
            "RoleBinding understudy-publisher",
            "ServiceAccount understudy-publisher",
        ]);
        for (const { inputs, provider } of objects) {
            expect(inputs.metadata).toMatchObject({ namespace: "production-stack" });
            expect(provider).toMatch(/::publisher-cluster::id-of/);
        }
        expect(run.outputs).toMatchObject({ namespace: "production-stack", catalogue: "understudy-catalogue" });
    });

    it("takes nothing over that is there already", () => {
        const { inputs } = find(run, "pulumi:providers:kubernetes");
        expect(inputs).toMatchObject({ context: "production-cluster" });
        expect(inputs).not.toHaveProperty("upsertExistingObjects");
        expect(inputs).not.toHaveProperty("enablePatchForce");
    });

    it("may write one ConfigMap and look at one workload, and nothing else", () => {
        expect(find(run, "kubernetes:rbac.authorization.k8s.io/v1:Role").inputs.rules).toEqual([
            {
                apiGroups: [""],
                resources: ["configmaps"],
                resourceNames: ["understudy-catalogue"],
                verbs: ["get", "patch"],
            },
            { apiGroups: ["apps"], resources: ["statefulsets"], resourceNames: ["stack"], verbs: ["get"] },
        ]);
        expect(find(run, "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding").inputs).toMatchObject({
            roleRef: { kind: "Role", name: "understudy-publisher" },
            subjects: [{ kind: "ServiceAccount", name: "understudy-publisher", namespace: "production-stack" }],
        });
    });

    it("runs as the playbooks' schedules did", () => {
        for (const [command, schedule, timeout] of [
            ["publish", "51 * * * *", 3000],
            ["verify-store", "17 3 * * 0", 43_200],
            ["publish-media", "4 2 * * *", 21_600],
            ["verify-media", "37 3 * * 0", 43_200],
        ] as const) {
            expect(cron(command)).toMatchObject({
                schedule,
                timeZone: "Etc/UTC",
                concurrencyPolicy: "Forbid",
                startingDeadlineSeconds: 180,
                successfulJobsHistoryLimit: 1,
                jobTemplate: { spec: { backoffLimit: 1, activeDeadlineSeconds: timeout } },
            });
        }
    });

    it("lets only the run that makes backups have the password and a way to the cluster", () => {
        expect(pod("publish")).toMatchObject({
            serviceAccountName: "understudy-publisher",
            automountServiceAccountToken: true,
            containers: [{ image: "postgres:15-bookworm" }],
        });
        expect(pod("publish").volumes).toContainEqual({
            name: "password",
            secret: { secretName: "database", items: [{ key: "root_password", path: "password" }] },
        });
        expect(pod("verify-store").automountServiceAccountToken).toBe(false);
        expect(pod("verify-store")).not.toHaveProperty("serviceAccountName");
        expect(JSON.stringify(pod("verify-store"))).not.toContain("secret");
    });

    it("writes to its store, and to nothing else, under the restricted level", () => {
        for (const command of ["publish", "verify-store"]) {
            expect(pod(command).securityContext).toMatchObject({
                runAsNonRoot: true,
                seccompProfile: { type: "RuntimeDefault" },
                fsGroup: 10001,
                fsGroupChangePolicy: "OnRootMismatch",
            });
            for (const { securityContext, resources } of [
                ...pod(command).containers,
                ...(pod(command).initContainers ?? []),
            ]) {
                expect(securityContext).toEqual({
                    allowPrivilegeEscalation: false,
                    readOnlyRootFilesystem: true,
                    capabilities: { drop: ["ALL"] },
                });
                expect(resources.limits).toHaveProperty("memory");
            }
            const writable = container(command).volumeMounts?.filter(({ readOnly }) => readOnly !== true);
            expect(writable?.map(({ name }) => name)).toEqual(["tmp", "store"]);
            expect(pod(command).volumes).toContainEqual({
                name: "store",
                persistentVolumeClaim: { claimName: "database-backup" },
            });
        }
    });

    it("of MariaDB runs in its image, with an agent that knows it", async () => {
        const database = JSON.parse(config["understudy:database"] ?? "{}");
        const { dump: _, format: _f, jobs: _j, excludeTableData: _e, migrations: _m, image: _i, ...least } = database;
        const mysql = await runProgram({
            ...options,
            config: {
                ...config,
                "understudy:database": JSON.stringify({ ...least, engine: "mysql", names: ["shop"], port: 3306 }),
            },
        });
        expect(mysql.status).toBe(0);
        const { spec } = find(mysql, "kubernetes:batch/v1:CronJob", "publisher-publish").inputs as { spec: Schedule };
        expect(spec.jobTemplate.spec.template.spec.containers[0]?.image).toBe("mariadb:10.11");
        const { data } = find(mysql, "kubernetes:core/v1:ConfigMap", "publisher-program").inputs as {
            data: Record<"agent.cjs" | "plan.json", string>;
        };
        expect(publicationSchema.parse(JSON.parse(data["plan.json"]))).toMatchObject({
            engine: "mysql",
            format: "plain",
        });
        expect(data["agent.cjs"]).toContain("mariadb-dump");
        // What the API server takes of a ConfigMap.
        expect(Buffer.byteLength(data["agent.cjs"]) + Buffer.byteLength(data["plan.json"])).toBeLessThan(1024 * 1024);
    });

    it("reads production's media, and writes to their store alone, without password or a change of owners", () => {
        for (const command of ["publish-media", "verify-media"]) {
            expect(container(command).command?.slice(2)).toEqual([command, "--plan=/understudy/plan.json"]);
            expect(container(command).image).toBe(nodeImage);
            expect(JSON.stringify(pod(command))).not.toContain("secret");
            expect(pod(command).securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10001 });
            expect(pod(command).securityContext).not.toHaveProperty("fsGroup");
            const writable = container(command).volumeMounts?.filter(({ readOnly }) => readOnly !== true);
            expect(writable?.map(({ name }) => name)).toEqual(["tmp", "media-store"]);
            expect(pod(command).volumes).toContainEqual({
                name: "media-store",
                persistentVolumeClaim: { claimName: "media-replica" },
            });
        }
        expect(pod("publish-media").volumes).toContainEqual({
            name: "media",
            persistentVolumeClaim: { claimName: "media", readOnly: true },
        });
        expect(container("publish-media").volumeMounts).toContainEqual({
            ...{ name: "media", mountPath: "/media/source", readOnly: true },
        });
        expect(JSON.stringify(pod("verify-media"))).not.toContain("/media/source");
        expect(pod("publish-media")).toMatchObject({
            ...{ automountServiceAccountToken: true, serviceAccountName: "understudy-publisher" },
        });
        expect(pod("verify-media").automountServiceAccountToken).toBe(false);
        expect(pod("verify-media")).not.toHaveProperty("serviceAccountName");
        expect(container("publish-media").env).toContainEqual({ name: "UV_THREADPOOL_SIZE", value: "256" });
    });

    it("without media publishes none, and is as it would be without the setting", async () => {
        const { "understudy:media": _, ...others } = config;
        const other = await runProgram({ ...options, config: others });
        const names = other.registrations
            .filter(({ type }) => type.includes("CronJob"))
            .map(({ inputs }) => named(inputs));
        expect(names.sort()).toEqual(["understudy-publish", "understudy-verify-store"]);
        expect(planOf(other)).not.toHaveProperty("media");
        expect(other.outputs).not.toHaveProperty("mediaSchedule");
        expect(run.outputs).toMatchObject({ mediaSchedule: "4 2 * * *" });
    });

    it("copies the media to a bucket with its Secret's credentials, which no other schedule gets", async () => {
        const offsite = { bucket: "files", prefix: "production", secret: "writer" };
        const other = await runProgram({ ...options, config: changed("media", { offsite }, config) });
        const of = (command: string) =>
            (find(other, "kubernetes:batch/v1:CronJob", `publisher-${command}`).inputs.spec as Schedule).jobTemplate
                .spec.template.spec;
        expect(of("publish-media").containers[0]?.env).toContainEqual({
            name: "RCLONE_CONFIG_OFFSITE_SECRET_ACCESS_KEY",
            valueFrom: { secretKeyRef: { name: "writer", key: "secret-access-key" } },
        });
        for (const command of ["publish", "verify-store", "verify-media"]) {
            expect(JSON.stringify(of(command))).not.toMatch(/RCLONE|rclone/);
        }
        expect(planOf(other).media?.offsite).toEqual({ rclone: "/rclone/rclone", remote: "offsite:files/production" });
    });

    it("tells the agent a whole plan without a secret, and leaves to it what the catalogue says", () => {
        expect(planOf(run)).toMatchObject({
            server: { host: "database", user: "admin", passwordFile: "/secrets/password/password" },
            databases: ["frag"],
            store: "/store",
            media: { source: "/media/source", store: "/media/store", group: 10001, minimumFiles: 1000 },
            cluster: { namespace: "production-stack", workload: { kind: "StatefulSet", name: "stack" } },
        });
        const catalogue: Registration = find(run, "kubernetes:core/v1:ConfigMap", "publisher-catalogue");
        expect(catalogue.ignoreChanges).toEqual(["data"]);
        expect(catalogue.inputs).not.toHaveProperty("data");
    });

    it("without a workload may look at none", async () => {
        const { "understudy:source": source = "{}" } = config;
        const { workload: _, ...rest } = JSON.parse(source);
        const other = await runProgram({
            ...options,
            config: { ...config, "understudy:source": JSON.stringify(rest) },
        });
        expect(other.status).toBe(0);
        expect(find(other, "kubernetes:rbac.authorization.k8s.io/v1:Role").inputs.rules).toHaveLength(1);
    });

    it("copies to a bucket with its Secret's credentials, which the schedule that reads does not get", async () => {
        const offsite = { bucket: "backups", prefix: "production", secret: "writer" };
        const other = await runProgram({
            ...options,
            config: { ...config, "understudy:offsite": JSON.stringify(offsite) },
        });
        const of = (command: string) =>
            (find(other, "kubernetes:batch/v1:CronJob", `publisher-${command}`).inputs.spec as Schedule).jobTemplate
                .spec.template.spec;
        expect(of("publish").initContainers?.map(({ image }) => image)).toEqual([nodeImage, rcloneImage]);
        expect(of("publish").containers[0]?.env).toContainEqual({
            name: "RCLONE_CONFIG_OFFSITE_SECRET_ACCESS_KEY",
            valueFrom: { secretKeyRef: { name: "writer", key: "secret-access-key" } },
        });
        expect(JSON.stringify(of("verify-store"))).not.toMatch(/RCLONE|rclone/);
        const { data } = find(other, "kubernetes:core/v1:ConfigMap", "publisher-program").inputs as {
            data: Record<string, string>;
        };
        expect(JSON.parse(data["plan.json"] ?? "").offsite).toEqual({
            rclone: "/rclone/rclone",
            remote: "offsite:backups/production",
        });
    });

    it("with mistakes registers nothing, and names each", async () => {
        const wrong = await runProgram({ ...options, config: changed("database", { names: [], jbos: 3 }, config) });
        expect(wrong.status).not.toBe(0);
        expect(wrong.registrations.filter(({ type }) => type.startsWith("kubernetes:"))).toEqual([]);
        expect(wrong.log.map(({ message }) => message).join()).toContain("jbos is not a setting; did you mean jobs?");
    });
});

function planOf(run: Run) {
    const { data } = find(run, "kubernetes:core/v1:ConfigMap", "publisher-program").inputs as {
        data: Record<string, string>;
    };
    return publicationSchema.parse(JSON.parse(data["plan.json"] ?? ""));
}

function named(inputs: Record<string, unknown>): string {
    return (inputs.metadata as { name: string }).name;
}
