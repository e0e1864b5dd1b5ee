import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { prepareMedia } from "../../agent/media/generation";
import { headerOf } from "../../agent/media/manifest";
import { dayOf } from "../../agent/publish/media/offsite";
import { generationFolder } from "../../contract";
import { storeFiles } from "../../contract/files";
import { type Bucket, credentials, startBucket } from "../bucket";
import { digest, makePlaces, never, type Places, planFor, settle } from "./places";
import { publish, withCluster } from "./published";

withCluster();

let places: Places;
let bucket: Bucket;
let open: Bucket;

beforeAll(async () => {
    [bucket, open] = await Promise.all([startBucket(), startBucket("public")]);
});
afterAll(async () => {
    await bucket?.stop();
    await open?.stop();
});
beforeEach(() => {
    places = makePlaces();
    rmSync(join(places.source, "lost+found"), { recursive: true });
    settle(places.source);
});
afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(places.folder, { recursive: true, force: true });
});

/** Publishes the media, and copies them to a folder of a bucket. */
function publishTo(to: Bucket, folder: string): Promise<string> {
    for (const [name, value] of Object.entries(to.environment(credentials.keyId, credentials.accessKey))) {
        vi.stubEnv(name.replace("SOURCE", "OFFSITE"), value);
        vi.stubEnv(name, value);
    }
    const offsite = { rclone: to.origin().rclone, remote: `offsite:shop/${folder}` };
    return publish(places, { offsite, maximumDeletions: 100 });
}

const objects = (folder: string) =>
    readdirSync(join(bucket.folder, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(join(bucket.folder, folder).length + 1))
        .sort();

test.each([
    ["2026-11-22T23:59:59Z", "7-Sunday"],
    ["2026-11-23T00:00:00Z", "1-Monday"],
    ["2026-11-28T12:00:00Z", "6-Saturday"],
])("%s is in the folder %s", (time, folder) => {
    expect(dayOf(new Date(time))).toBe(folder);
});

test("the day's folder becomes what the store holds, names with a dot and the manifest too; others stay", async () => {
    writeFileSync(join(places.source, ".htaccess"), "hidden");
    const today = dayOf(new Date());
    await publishTo(bucket, "files");
    expect(objects(`files/${today}`)).toEqual([".htaccess", storeFiles, "a/b/note", "a/zero", "picture.jpg"].sort());
    writeFileSync(join(bucket.folder, "files/other"), "of another day");
    rmSync(join(places.source, "a/zero"));
    await publishTo(bucket, "files");
    expect(objects(`files/${today}`)).toEqual([".htaccess", storeFiles, "a/b/note", "picture.jpg"].sort());
    expect(objects("files")).toContain("other");
});

test("a replica can be made of it, and not while it is changed", async () => {
    await publishTo(bucket, "again");
    const folder = `again/${dayOf(new Date())}`;
    const plan = (id: string) =>
        planFor(places, id, (media) => {
            media.source = bucket.origin(`shop/${folder}`);
        });
    expect(await prepareMedia(plan("00000000aa"), never)).toContain("3 files");
    expect(digest(join(places.volume, generationFolder("00000000aa")))).toContain(
        Buffer.from("/a/b/note").toString("hex"),
    );
    const mark = headerOf({ published: new Date().toISOString(), unfinished: true });
    writeFileSync(join(bucket.folder, folder, storeFiles), `${mark}\n`);
    await expect(prepareMedia(plan("00000000bb"), never)).rejects.toThrow(
        /s3:\/\/shop\/again.* is half of one day's and half of another's/,
    );
});

test("a bucket that anybody can read gets nothing, though the store is brought up to date", async () => {
    await expect(publishTo(open, "files")).rejects.toThrow(
        /3 files brought .* But it could not be copied off-site: .* can be read by anybody: make the bucket private/,
    );
    expect(readdirSync(open.folder)).toEqual([]);
});
