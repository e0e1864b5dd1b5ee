import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Stage as BucketStage, startStage } from "../buckets/stage";
import { type HostStage, openHostStage } from "./stage";

let stage: HostStage;
let buckets: BucketStage;
let settings: Record<string, unknown>;
beforeAll(async () => {
    buckets = await startStage();
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
    stage = await openHostStage(
        "copies",
        {
            "buckets.copies[0].from.credentials.secretAccessKey": buckets.reader.secretAccessKey,
            "buckets.copies[0].to.credentials.secretAccessKey": buckets.writer.secretAccessKey,
        },
        { "understudy:buckets": { rclone: buckets.rclone, copies } },
    );
    settings = { services: [], "target.page": undefined };
    await buckets.server.put("production", { "site/one.png": "one", "site/two.png": "two" });
});
afterAll(async () => {
    await stage?.stop();
    await buckets?.stop();
});

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

test("step 3: a refresh brings what has changed, and takes away what production has not (S3-04)", async () => {
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

test("step 4: an emptied source is refused, and the copy stays", async () => {
    await buckets.server.remove("production", "site/one.png", "site/two.png", "site/three.png", "site/four.png");
    const before = await buckets.server.objects("replica");
    const { status, output } = await stage.run("refresh");
    expect(status).not.toBe(0);
    expect(output).toMatch(/minimumObjects|no object|empty/i);
    expect(await buckets.server.objects("replica")).toEqual(before);
});

test("step 5: no key is in the state, or in the project's folder", () => {
    for (const { secretAccessKey } of [buckets.reader, buckets.writer]) {
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
