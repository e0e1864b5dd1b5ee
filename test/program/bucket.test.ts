import { beforeAll, describe, expect, it } from "vitest";
import { jobOf } from "../../components/agent";
import { rcloneImage } from "../../components/bucket";
import { planSchema } from "../../contract";
import { type Run, runProgram } from "./monitor";
import { changed, cluster, expectRestricted, find, job, type Pod, template } from "./registered";

const bucket = { bucket: "shop", prefix: "backups", secret: "reader" };
const files = { bucket: "shop-files", endpoint: "https://s3.example.org", region: "eu", secret: "files-reader" };

/** What a container is told of buckets, with the Secret's name and key where a value is a secret. */
function told(pod: Pod | undefined): Record<string, unknown> {
    const variables = (pod?.containers[0]?.env ?? []).filter(({ name }) => name !== "UV_THREADPOOL_SIZE");
    return Object.fromEntries(variables.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]));
}

describe("production's data in buckets", () => {
    let registered: Run;
    let pod: (command: string) => Pod;
    beforeAll(async () => {
        const source = { database: { s3: bucket }, media: { s3: files } };
        registered = await runProgram({ config: changed("source", source), cluster });
        pod = (command) => template(job(registered, command)).spec;
    });

    it("has no volume and no claim", () => {
        const names = registered.registrations.map(({ name }) => name);
        expect(names.filter((name) => name.startsWith("source-"))).toEqual([]);
        for (const command of ["prepare-database", "prepare-media"]) {
            const claims = pod(command).volumes?.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim ?? []);
            expect(claims?.filter(({ claimName }) => claimName.startsWith("source-"))).toEqual([]);
        }
    });

    it("is read with an rclone out of the official image, and the certificates that come with it", () => {
        const [node, rclone] = pod("prepare-database").initContainers ?? [];
        expect([node?.command?.[0], rclone?.image]).toEqual(["cp", rcloneImage]);
        expect(rclone?.command).toEqual([
            "cp",
            "/usr/local/bin/rclone",
            "/etc/ssl/certs/ca-certificates.crt",
            "/rclone/",
        ]);
        expect(pod("prepare-media").initContainers?.map(({ image }) => image)).toEqual([rcloneImage]);
        for (const command of ["prepare-database", "prepare-media"]) {
            expectRestricted(pod(command));
            expect(pod(command).containers[0]?.volumeMounts).toContainEqual({
                name: "rclone",
                mountPath: "/rclone",
                readOnly: true,
            });
        }
    });

    it("is read with the Secret's credentials, which only its own Job gets", () => {
        expect(told(pod("prepare-database"))).toEqual({
            RCLONE_CONFIG_SOURCE_TYPE: "s3",
            RCLONE_CONFIG_SOURCE_PROVIDER: "AWS",
            RCLONE_CONFIG_SOURCE_ACCESS_KEY_ID: { secretKeyRef: { name: "reader", key: "access-key-id" } },
            RCLONE_CONFIG_SOURCE_SECRET_ACCESS_KEY: { secretKeyRef: { name: "reader", key: "secret-access-key" } },
            SSL_CERT_FILE: "/rclone/ca-certificates.crt",
        });
        expect(told(pod("prepare-media"))).toMatchObject({
            RCLONE_CONFIG_SOURCE_PROVIDER: "Other",
            RCLONE_CONFIG_SOURCE_ENDPOINT: "https://s3.example.org",
            RCLONE_CONFIG_SOURCE_REGION: "eu",
            RCLONE_CONFIG_SOURCE_ACCESS_KEY_ID: { secretKeyRef: { name: "files-reader", key: "access-key-id" } },
        });
        for (const command of ["switch", "smoke", "retire"]) {
            expect(told(pod(command)), command).toEqual({});
            expect(pod(command).initContainers ?? [], command).toEqual([]);
        }
    });

    it("is named in the plan by bucket and prefix", () => {
        const { data } = find(registered, "kubernetes:core/v1:ConfigMap", "agent-program").inputs;
        const plan = planSchema.parse(JSON.parse((data as Record<string, string>)["plan.json"] ?? ""));
        expect(plan.database.backups).toEqual({ rclone: "/rclone/rclone", remote: "source:shop/backups" });
        expect(plan.media).toMatchObject({ source: { rclone: "/rclone/rclone", remote: "source:shop-files" } });
    });

    it.each([
        ["Amazon's without an endpoint", {}, "AWS"],
        ["an unknown one at an endpoint", { endpoint: "https://s3.example.org" }, "Other"],
        ["the one that is named", { endpoint: "https://s3.example.org", provider: "Minio" }, "Minio"],
    ])("can be surveyed; the server is %s", (_, change, provider) => {
        const { spec } = jobOf({
            ...{ stack: "understudy/test", namespace: "replica", command: "survey", generations: [], because: {} },
            ...{
                source: { database: { s3: { ...bucket, ...change } }, media: { s3: files } },
                admin: { secretName: "database", keys: ["password"] },
                loginSecret: "",
                ...{ isShared: false, keepsOwners: false },
            },
            ...{ timeout: 60, placement: { labels: {} } },
        });
        const survey = spec.template.spec as unknown as Pod;
        expect(told(survey)).toMatchObject({ RCLONE_CONFIG_SOURCE_PROVIDER: provider });
        expect(survey.volumes?.map(({ name }) => name)).toEqual(["understudy", "tmp", "rclone", "admin", "media"]);
    });

    it("in one bucket and in a folder of the node go together", async () => {
        const source = { database: { s3: bucket }, media: { hostPath: "/exports/media" } };
        const { registrations } = await runProgram({ config: changed("source", source), cluster });
        const claims = registrations.filter(({ name }) => /^source-.*-claim$/.test(name));
        expect(claims.map(({ name }) => name)).toEqual([expect.stringMatching(/^source-media-/)]);
    });
});
