import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { placesOn } from "../../agent/buckets/upload";
import { writePolicy } from "../../components/bucket-policies";
import type { BucketKeys } from "../../contract/buckets";
import type { Manifest } from "../../contract/manifest";
import { type Stage as BucketStage, startStage } from "../buckets/stage";
import { type HostStage, openHostStage } from "./stage";

let stage: HostStage;
let buckets: BucketStage;
let settings: Record<string, unknown>;
let keeper: BucketKeys;
beforeAll(async () => {
    buckets = await startStage();
    await buckets.server.bucket("dumps");
    keeper = await buckets.server.user("keeper", writePolicy({ bucket: "dumps" }));
    const side = (bucket: string, accessKeyId: string) => ({
        ...{ bucket, prefix: "site", endpoint: buckets.server.endpoint },
        credentials: { accessKeyId },
    });
    const copies = [
        {
            from: side("production", buckets.reader.accessKeyId),
            to: side("replica", buckets.writer.accessKeyId),
            maximumDeletions: 50,
        },
    ];
    const place = (prefix: string) => ({ ...side("dumps", keeper.accessKeyId), prefix });
    const uploads = { daily: place("daily"), weekly: place("weekly") };
    stage = await openHostStage(
        "copies",
        {
            "buckets.uploads.daily.credentials.secretAccessKey": keeper.secretAccessKey,
            "buckets.uploads.weekly.credentials.secretAccessKey": keeper.secretAccessKey,
            "buckets.copies[0].from.credentials.secretAccessKey": buckets.reader.secretAccessKey,
            "buckets.copies[0].to.credentials.secretAccessKey": buckets.writer.secretAccessKey,
        },
        { "understudy:buckets": { rclone: buckets.rclone, copies, uploads } },
    );
    settings = { services: [], "target.page": undefined };
    await buckets.server.put("production", { "site/one.png": "one", "site/two.png": "two" });
});
afterAll(async () => {
    await stage?.stop();
    await buckets?.stop();
});

const side = (bucket: string) => ({ bucket, identity: { profile: "" } });
const generations = () => stage.replica.query("postgres", "select datname from pg_database order by 1");

test("step 1: a preview lists what would be copied, and changes nothing (S3-16)", async () => {
    const { status, output } = await stage.run("preview", settings);
    expect(output).toMatch(/bucket +\S*production\/site to \S*replica\/site: 2 objects to add \(.*one\.png/);
    expect(status, output).toBe(0);
    expect(await buckets.server.objects("replica")).toEqual({});
});

test("step 2: an update copies the database, then the objects, each side with its own identity", async () => {
    const { status, output } = await stage.run("up", settings);
    expect(status, output).toBe(0);
    expect(await buckets.server.objects("replica")).toEqual({ "site/one.png": "one", "site/two.png": "two" });
});

test("step 3: the dump that it was made of is uploaded, with its manifest (S3-13)", async () => {
    const today = placesOn(new Date(), { daily: side("daily"), weekly: side("weekly") });
    const folders = today.map(({ bucket }) => bucket);
    const found = await buckets.server.objects("dumps");
    expect(Object.keys(found).map((name) => name.replace(/backup-[\dT:-]+Z/, "backup"))).toEqual(
        folders.flatMap((folder) =>
            ["json", "json.sha256", "sql.gz", "sql.gz.sha256"].map((ending) => `${folder}/backup-shop.${ending}`),
        ),
    );
    const [manifest = "{}"] = Object.values(found);
    const { backup, files } = JSON.parse(manifest) as Manifest;
    const answer = await buckets.server.ask(`dumps/daily/${encodeURIComponent(backup)}`);
    const dump = Buffer.from(await answer.arrayBuffer());
    expect(createHash("sha256").update(dump).digest("hex")).toBe(files[backup]?.sha256);
    expect(gunzipSync(dump).toString()).toContain("item 500");
});

test("step 4: where the place is open to everybody, nothing is dumped and the copy stays", async () => {
    const before = [await buckets.server.objects("dumps"), await generations()];
    const Statement = [
        { Sid: "All", Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::dumps/*" },
    ];
    const body = JSON.stringify({ Version: "2012-10-17", Statement });
    await buckets.server.ask("dumps?policy", { method: "PUT", body });
    const { status, output } = await stage.run("up", { ...settings, "database.refresh": "public" });
    expect(output).toContain("s3://dumps/daily is public by the bucket's policy: make the bucket private");
    expect(status).not.toBe(0);
    await buckets.server.ask("dumps?policy", { method: "DELETE" });
    expect([await buckets.server.objects("dumps"), await generations()]).toEqual(before);
});

test("step 5: a refresh brings what has changed, and takes away what production has not (S3-04)", async () => {
    await buckets.server.put("production", {
        "site/two.png": "TWO",
        "site/three.png": "three",
        "site/four.png": "four",
    });
    await buckets.server.put("replica", { "site/stray.png": "stray" });
    const { status, output } = await stage.run("refresh");
    expect(status, output).toBe(0);
    expect(await buckets.server.objects("replica")).toEqual({
        "site/one.png": "one",
        "site/two.png": "TWO",
        "site/three.png": "three",
        "site/four.png": "four",
    });
});

test("step 6: an emptied source is refused, and the copy stays", async () => {
    await buckets.server.remove("production", "site/one.png", "site/two.png", "site/three.png", "site/four.png");
    const before = await buckets.server.objects("replica");
    const { status, output } = await stage.run("refresh");
    expect(status).not.toBe(0);
    expect(output).toMatch(/minimumObjects|no object|empty/i);
    expect(await buckets.server.objects("replica")).toEqual(before);
});

test("step 7: no key is in the state, or in the project's folder", () => {
    for (const { secretAccessKey } of [buckets.reader, buckets.writer, keeper]) {
        const found = execFileSync(
            "sh",
            ["-c", 'grep -rlF -e "$1" "$2" || true', "sh", secretAccessKey, stage.folder],
            {
                encoding: "utf8",
            },
        );
        expect(found).toBe("");
    }
});
