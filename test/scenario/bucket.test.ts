import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { rcloneImage as image } from "../../components/bucket";
import { buildImage, loadImages, rcloneImage } from "../../dev/cluster/images";
import { lane } from "./lane";
import { openStage, type Stage } from "./stage";

const credentials = { "access-key-id": "reader-of-the-bucket", "secret-access-key": "only-to-read-it" };

/** Production's stores, as buckets `database` and `media` of an S3 server. */
describe("a replica of what is in buckets", () => {
    let stage: Stage;
    const copy = `out of buckets, ${new Date().toISOString()}`;
    const s3 = { endpoint: "http://buckets.buckets.svc:8080", secret: "reader" };
    const settings = {
        "database.refresh": copy,
        "media.refresh": copy,
        "source.database": { s3: { ...s3, bucket: "database" } },
        "source.media": { s3: { ...s3, bucket: "media" } },
    };

    /** Every file of the media with its content; a bucket has no links. */
    const files = () => {
        const sums = "cd /srv/media && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum";
        return stage.execute(stage.namespace, "app.kubernetes.io/name=application", ["sh", "-c", sums]);
    };

    beforeAll(async () => {
        stage = await openStage();
        await loadImages(stage.cluster, [await buildImage(await rcloneImage())]);
        const { status, output } = await stage.up({ "database.refresh": copy, "media.refresh": copy });
        expect(status, output).toBe(0);
        await serveBuckets(stage);
    });

    it("1. is refreshed, and holds what a replica of the folders holds", async () => {
        const before = [(await stage.digest()).rows, await files()];
        const { status, output } = await stage.up(settings);
        expect(status, output).toBe(0);
        expect([(await stage.digest()).rows, await files()]).toEqual(before);
        expect(output).not.toContain(credentials["secret-access-key"]);
    });

    it("2. knows its backups, and is left alone by an up with nothing to do", async () => {
        const { output } = await stage.command("backups", "scenario");
        expect(output).toMatch(new RegExp(`${stage.stamp}.*old`));
        const before = await stage.digest();
        const { status } = await stage.up(settings);
        expect([status, await stage.digest()]).toEqual([0, before]);
    });

    it("3. stays as it is when the credentials are refused, and says so", async () => {
        const before = await stage.digest();
        const body = { metadata: { name: "wrong" }, stringData: { ...credentials, "secret-access-key": "wrong" } };
        await stage.core.createNamespacedSecret({ namespace: stage.namespace, body }).catch(ignoreExisting);
        const wrong = { s3: { ...s3, bucket: "database", secret: "wrong" } };
        const again = { ...settings, "database.refresh": `${copy}, again`, "source.database": wrong };
        const { status, output } = await stage.up(again);
        expect(status).not.toBe(0);
        expect(output).toContain("refuses the credentials (SignatureDoesNotMatch)");
        const after = await stage.digest();
        expect([after.rows, after.media]).toEqual([before.rows, before.media]);
    });
});

async function serveBuckets({ core, namespace }: Stage): Promise<void> {
    const name = "buckets";
    const auth = `--auth-key=${Object.values(credentials).join(",")}`;
    const pod = {
        metadata: { name, labels: { app: name } },
        spec: {
            containers: [
                {
                    name,
                    image,
                    args: ["serve", "s3", "--addr=:8080", "--dir-cache-time=1ms", auth, "/stores"],
                    volumeMounts: [{ name: "stores", mountPath: "/stores", readOnly: true }],
                    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
                },
            ],
            volumes: [{ name: "stores", hostPath: { path: lane.stores, type: "Directory" } }],
        },
    };
    const service = { metadata: { name }, spec: { selector: { app: name }, ports: [{ port: 8080 }] } };
    const secret = { metadata: { name: "reader" }, stringData: credentials };
    await core.createNamespace({ body: { metadata: { name } } }).catch(ignoreExisting);
    await core.createNamespacedPod({ namespace: name, body: pod }).catch(ignoreExisting);
    await core.createNamespacedService({ namespace: name, body: service }).catch(ignoreExisting);
    await core.createNamespacedSecret({ namespace, body: secret }).catch(ignoreExisting);
    const isReady = async () => {
        const { status } = await core.readNamespacedPod({ namespace: name, name });
        return status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True");
    };
    while (!(await isReady())) {
        await sleep(500);
    }
}

/** What an earlier run of the tests has made is as good. */
function ignoreExisting(error: { code?: number }): void {
    if (error.code !== 409) {
        throw error;
    }
}
