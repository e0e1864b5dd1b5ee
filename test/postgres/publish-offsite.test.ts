import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bucket, credentials, startBucket } from "../bucket";
import { type Publisher, startPublisher } from "./publisher";
import type { Ending } from "./replica";

let publisher: Publisher;
let bucket: Bucket;
let open: Bucket;

beforeAll(async () => {
    [publisher, bucket, open] = await Promise.all([startPublisher(), startBucket(), startBucket("public")]);
});
afterAll(async () => {
    await publisher?.stop();
    await bucket?.stop();
    await open?.stop();
});

async function publish(
    to: Bucket,
    { accessKey = credentials.accessKey as string, rclone = to.origin().rclone } = {},
): Promise<Ending> {
    const variables = Object.entries(to.environment(credentials.keyId, accessKey));
    const env = Object.fromEntries(variables.map(([name, value]) => [name.replace("SOURCE", "OFFSITE"), value]));
    const plan = publisher.plan((plan) => {
        plan.format = "plain";
        plan.offsite = { rclone, remote: "offsite:shop/production" };
    });
    return publisher.run("publish", plan, { env });
}

const objects = (of: Bucket) =>
    readdirSync(of.folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(of.folder.length + 1))
        .sort();

test("a store is copied as it is, without what is unfinished or marked", async () => {
    mkdirSync(join(publisher.store, "hourly"));
    writeFileSync(join(publisher.store, "hourly/.rotten-backup"), "");
    const { status, log } = await publish(bucket);
    expect(status, log).toBe(0);
    const here = readdirSync(join(publisher.store, "hourly")).filter((name) => !name.startsWith("."));
    expect(here).toHaveLength(2);
    expect(objects(bucket)).toEqual(
        ["catalogue.jsonl", ...here.map((name) => `hourly/${name}`)].map((name) => `production/${name}`),
    );
});

test("what is there already stays, whatever becomes of the store; the catalogue alone is new", async () => {
    const [backup = ""] = readdirSync(join(publisher.store, "hourly")).filter((name) => name.endsWith(".sql.gz"));
    const [rotten, there] = [join(publisher.store, "hourly", backup), join(bucket.folder, "production/hourly", backup)];
    const before = readFileSync(there);
    writeFileSync(rotten, "rotten");
    rmSync(rotten.replace(".sql.gz", ".json"));
    await sleep(1000);
    expect((await publish(bucket)).status).toBe(0);
    expect(readFileSync(there)).toEqual(before);
    expect(objects(bucket)).toHaveLength(5);
    const catalogue = (root: string) => readFileSync(join(root, "catalogue.jsonl"), "utf8");
    expect(catalogue(join(bucket.folder, "production"))).toBe(catalogue(publisher.store));
});

test("a bucket that everybody can read gets nothing", async () => {
    const { status, sentence } = await publish(open);
    expect(status).toBe(1);
    expect(sentence).toMatch(/complete, but: s3:\/\/shop\/production can be read by anybody: make the bucket private/);
    expect(objects(open)).toEqual([]);
});

test("a bucket whose objects everybody can read is told of, also when nobody can list it", async () => {
    const rclone = bucket.altered("lsjson", 'case "$last" in *:shop/production/catalogue.jsonl) exit 0;; esac');
    const { status, sentence } = await publish(bucket, { rclone });
    expect(status).toBe(1);
    expect(sentence).toContain("s3://shop/production/catalogue.jsonl can be read by anybody");
});

test("credentials that the bucket does not take are named as the reason, and not told", async () => {
    const { status, sentence, log } = await publish(bucket, { accessKey: "a-wrong-key" });
    expect(status).toBe(1);
    expect(sentence).toMatch(/complete, but: rclone could not write to s3:\/\/shop\/production: .*credentials/);
    expect(log).not.toContain("a-wrong-key");
});
