import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Publication } from "../../contract/publication";
import { databaseReport } from "../../contract/report";
import { type Bucket, credentials, startBucket } from "../bucket";
import { type Publisher, startPublisher } from "./publisher";
import { type Ending, ids, startReplica } from "./replica";

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
    {
        accessKey = credentials.accessKey as string,
        rclone = to.origin().rclone,
        format = "plain" as Publication["format"],
        folder = "production",
    } = {},
): Promise<Ending> {
    const variables = Object.entries(to.environment(credentials.keyId, accessKey));
    const env = Object.fromEntries(variables.map(([name, value]) => [name.replace("SOURCE", "OFFSITE"), value]));
    const plan = publisher.plan((plan) => {
        plan.format = format;
        plan.offsite = { rclone, remote: `offsite:shop/${folder}` };
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

test("a replica is made of the copy, others of the base that is kept of it, and of what has changed since", async () => {
    publisher.reset();
    const shop = (sql: string) => publisher.production.query("shop", sql);
    await shop("drop materialized view per_mood");
    const [replica, written, fresh] = await Promise.all([startReplica(), startBucket(), startBucket()]);
    const copied = (from: string) => cpSync(from, join(fresh.folder, "folders"), { recursive: true });
    try {
        const { status, log } = await publish(written, { format: "directory", folder: "folders" });
        expect(status, log).toBe(0);
        copied(join(written.folder, "folders"));
        const restored = async (id: string) => {
            const plan = replica.plan(id, ids[0], (plan) => {
                plan.database.backups = fresh.origin("shop/folders");
                plan.database.keepBase = true;
                plan.imageTag = "2026.10.1";
            });
            const ending = await replica.run("prepare-database", plan, { env: fresh.environment() });
            expect(ending, ending.log).toMatchObject({ status: 0 });
            const query = `select report from understudy.generation where id = '${id}'`;
            const [row] = await replica.server.query("postgres", query);
            return databaseReport.parse(row?.report);
        };
        const first = await restored(ids[0]);
        expect(first.proof).toEqual(
            expect.arrayContaining([
                expect.stringMatching(/^\d\d+ files with the SHA-256 that the manifest names$/),
                "rows, large objects and sequences are those that the manifest names",
            ]),
        );
        expect(first.base).toBeUndefined();
        const second = await restored(ids[1]);
        expect(second).toMatchObject({ sha256: first.sha256, base: expect.any(String) });
        await shop("insert into single values ('new')");
        await publisher.published();
        copied(publisher.store);
        const third = await restored(ids[2]);
        expect(third).toMatchObject({ base: second.base, reloaded: ["public.single"] });
        expect(third.proof).toContainEqual(
            expect.stringMatching(/^\d\d+ files with the SHA-256 that the manifest names$/),
        );
    } finally {
        await Promise.all([replica.stop(), written.stop(), fresh.stop()]);
    }
});
