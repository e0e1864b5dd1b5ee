import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { copyBuckets } from "../../agent/buckets/copy";
import { Refusal } from "../../agent/refusal";
import type { BucketCopy } from "../../contract/buckets";
import { recordLog } from "./log";
import { altered, environmentOf, never, type Stage, startStage } from "./stage";

let stage: Stage;

beforeAll(async () => {
    stage = await startStage();
});
afterAll(() => stage?.stop());
beforeEach(async () => {
    await stage.empty();
    await stage.server.put("production", { "site/a": "one", "site/b": "two", "site/c": "three" });
    recordLog();
});
afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
});

const run = (...copies: BucketCopy[]) => copyBuckets(stage.plan(...copies), never);
const both = () => Promise.all([stage.server.objects("production"), stage.server.objects("replica")]);

/** Runs a copy that is to be refused without anything being changed. */
async function refusal(...copies: BucketCopy[]): Promise<string> {
    const before = await both();
    const error = await run(...copies).catch((reason: Error) => reason);
    expect(error, String(error)).toBeInstanceOf(Refusal);
    expect(await both()).toEqual(before);
    return (error as Refusal).message;
}

/** The two sides the other way round, with keys that would be let to do so. */
function swapped(change: Partial<BucketCopy> = {}): BucketCopy {
    const { owner } = stage.server;
    const [from, to] = [stage.side("replica", "site", owner), stage.side("production", "site", owner)];
    return stage.copy({ from, to, ...change });
}

describe("4.6 (4): source and target are swapped", () => {
    test("and the target is empty: the old way ends well, and production is gone; ours refuses", async () => {
        expect(await refusal(swapped())).toContain(
            "The source s3://replica/site is empty, and minimumObjects is 1: look whether bucket and prefix are right, and " +
                "whether source and target are swapped.",
        );
        await stage.oldWay("replica/site", "production/site");
        expect(await stage.server.objects("production")).toEqual({});
    });

    test("and the copy is an old one: the old way puts it in production's place; ours knows that production is no copy", async () => {
        await run(stage.copy());
        await stage.server.put("production", { "site/a": "edited", "site/new": "since" });
        expect(await refusal(swapped({ maximumDeletions: 100 }))).toContain(
            "The target s3://production/site holds 4 objects and no .understudy.json, which every copy carries",
        );
        await stage.oldWay("replica/site", "production/site");
        expect(await stage.server.objects("production")).toEqual({
            "site/a": "one",
            "site/b": "two",
            "site/c": "three",
        });
    });
});

describe("4.6 (4): the source is empty", () => {
    test("the old way empties the target as well and ends well; ours refuses", async () => {
        await run(stage.copy());
        await stage.server.remove("production", "site/a", "site/b", "site/c");
        expect(await refusal(stage.copy())).toContain("The source s3://production/site is empty");
        await stage.oldWay("production/site", "replica/site");
        expect(await stage.server.objects("replica")).toEqual({});
    });

    test("in part: more than maximumDeletions percent are not deleted", async () => {
        await run(stage.copy());
        await stage.server.remove("production", "site/b");
        expect(await refusal(stage.copy())).toContain(
            "1 of the 3 objects of the target s3://replica/site (34 %) would be deleted, and maximumDeletions is 20 %: look " +
                "whether they are to be gone, and if so set maximumDeletions to 34.",
        );
        expect(await run(stage.copy({ maximumDeletions: 34 }))).toContain("1 deleted");
    });

    test("only once the copy has begun: rclone itself deletes no more than the guard would let it", async () => {
        await run(stage.copy());
        await stage.server.put("production", { "site/d": "four" });
        const emptied = ["a", "b", "c"].map((name) => `rm ${stage.server.folder}/production/site/${name}`).join("; ");
        const rclone = altered(stage, "sync", emptied);
        await expect(copyBuckets({ ...stage.plan(stage.copy()), rclone }, never)).rejects.toThrow("max-delete");
        expect(await stage.server.objects("replica")).toMatchObject({
            "site/a": "one",
            "site/b": "two",
            "site/c": "three",
        });
    });
});

describe("a copy is refused, and nothing is changed, when", () => {
    test("the source has fewer objects than minimumObjects", async () => {
        expect(await refusal(stage.copy({ minimumObjects: 4 }))).toContain("holds 3 objects, and minimumObjects is 4");
    });

    test("the target is a source of another copy, or lies within or around one", async () => {
        const other = stage.copy({
            from: stage.side("replica", "site/part", stage.writer),
            to: stage.side("elsewhere", "x", stage.writer),
        });
        expect(await refusal(stage.copy({ minimumObjects: 9 }), { ...other, minimumObjects: 9 })).toContain(
            "The target s3://replica/site and the source s3://replica/site/part lie within one another",
        );
    });

    test("the target holds what no copy of ours has made, until adopt says so", async () => {
        await stage.server.put("replica", { "site/a": "of another tool" });
        expect(await refusal(stage.copy())).toContain("if it is a copy that another tool has made, write adopt: true");
        expect(await run(stage.copy({ adopt: true }))).toContain("2 added and 1 replaced");
        expect(await run(stage.copy())).toContain("0 added and 0 replaced");
    });

    test("the target is another stack's copy, or carries a marker that says nothing", async () => {
        await copyBuckets({ ...stage.plan(stage.copy()), stack: "understudy/other" }, never);
        expect(await refusal(stage.copy({ adopt: true }))).toContain(
            "s3://replica/site is the copy of stack understudy/other",
        );
        await stage.server.put("replica", { "site/.understudy.json": "?" });
        expect(await refusal(stage.copy())).toContain("holds a .understudy.json that says nothing");
    });

    test("the target is public by its policy", async () => {
        await open("production is nobody's business", "arn:aws:s3:::replica/site/open/*", "s3:GetObject");
        expect(await refusal(stage.copy())).toContain(
            "s3://replica/site is public by the bucket's policy: make the bucket private before anything is copied there.",
        );
    });

    test("anybody can list the target", async () => {
        await open("listing", "arn:aws:s3:::replica", "s3:ListBucket");
        expect(await refusal(stage.copy())).toContain("s3://replica/site can be read by anybody, without any key");
    });

    test("a bucket is not there: none is made", async () => {
        const to = stage.side("replicas", "site", stage.server.owner);
        expect(await refusal(stage.copy({ to }))).toContain(
            "The target cannot be listed: rclone could not read s3://replicas/site/",
        );
        expect((await stage.server.ask("replicas?list-type=2")).status).toBe(404);
    });

    test("the server does not answer", async () => {
        const from = { ...stage.side("production", "site", stage.reader), endpoint: "http://127.0.0.1:9" };
        expect(await refusal(stage.copy({ from }))).toContain("The source cannot be listed: rclone could not read");
    });

    test("a profile is missing, its file or not", async () => {
        vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(stage.folder, "nowhere"));
        vi.stubEnv("AWS_CONFIG_FILE", join(stage.folder, "nowhere"));
        const from = { ...stage.side("production", "site", stage.reader), identity: { profile: "production" } };
        expect(await refusal(stage.copy({ from }))).toContain(
            `There is no profile "production" for s3://production/site: write it into ${join(stage.folder, "nowhere")}, or name`,
        );
    });

    test("keys are missing, torn, or for everybody to read, and none of them is quoted", async () => {
        const with_ = (file: string) =>
            refusal(stage.copy({ from: { ...stage.side("production", "site", stage.reader), identity: { file } } }));
        expect(await with_(join(stage.folder, "nowhere"))).toContain("cannot be read (ENOENT)");
        const torn = stage.keyFile("torn", { accessKeyId: "x", secretAccessKey: "a-secret" });
        writeFileSync(torn, '{"accessKeyId": "x", "secretAccessKey": "a-secret"');
        expect(await with_(torn)).toMatch(/is to hold JSON with accessKeyId and secretAccessKey\.$/);
        const open = stage.keyFile("open", stage.reader);
        chmodSync(open, 0o640);
        expect(await with_(open)).toContain(`make the mode of ${open} 0600`);
    });
});

describe("S3-12: identities", () => {
    test("that of the source cannot write, and that of the target cannot read the source", async () => {
        const { reader, writer } = stage;
        const crossed = stage.copy({
            from: stage.side("production", "site", writer),
            to: stage.side("replica", "site", reader),
        });
        expect(await refusal(crossed)).toContain(
            "The source cannot be listed: rclone could not read s3://production/site/: the server refuses the credentials (AccessDenied)",
        );
        // Even where both sides are production's, which it may read.
        const own = stage.copy({ to: stage.side("production", "site/copy", reader) });
        expect(await refusal(own)).toContain("lie within one another");
        const put = await stage.as(reader, "production/site/a", { method: "PUT", body: "changed" });
        const deleted = await stage.as(reader, "production/site/a", { method: "DELETE" });
        expect([put.status, deleted.status]).toEqual([403, 403]);
    });

    test("come from profiles, each for its own side, whatever else is in the environment", async () => {
        const file = join(stage.folder, "credentials");
        const profile = (name: string, { accessKeyId, secretAccessKey }: typeof stage.reader) =>
            `[${name}]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`;
        writeFileSync(file, profile("production-reader", stage.reader) + profile("stage-writer", stage.writer), {
            mode: 0o600,
        });
        vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", file);
        for (const [name, value] of Object.entries({
            ...environmentOf({ accessKeyId: "x", secretAccessKey: "y" }),
            ...{ AWS_PROFILE: "nobody", RCLONE_DRY_RUN: "true" },
        })) {
            vi.stubEnv(name, value);
        }
        const { from, to, ...others } = stage.copy();
        const copy = {
            ...others,
            from: { ...from, identity: { profile: "production-reader" } },
            to: { ...to, identity: { profile: "stage-writer" } },
        };
        expect(await run(copy)).toContain("3 added");
        // One that only Amazon's own library follows goes to rclone by name.
        const config = join(stage.folder, "config");
        writeFileSync(
            config,
            `[profile chained]\ncredential_process = /bin/echo ${JSON.stringify(JSON.stringify(processed()))}\n`,
        );
        vi.stubEnv("AWS_CONFIG_FILE", config);
        expect(await run({ ...copy, from: { ...from, identity: { profile: "chained" } } })).toContain("0 added");
    });

    test("are in no argument and in no word of a run", async () => {
        const seen = join(stage.folder, "arguments");
        const rclone = altered(stage, "sync", `echo "$@" > ${seen}`);
        const log = recordLog();
        await copyBuckets({ ...stage.plan(stage.copy()), rclone }, never);
        const words = log() + stage.read("arguments");
        for (const keys of [stage.reader, stage.writer]) {
            expect(words).not.toContain(keys.secretAccessKey);
            expect(words).not.toContain(keys.accessKeyId);
        }
    });
});

function processed() {
    const { accessKeyId, secretAccessKey } = stage.reader;
    return { Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey };
}

/** Lets everybody do something in the replica's bucket. */
async function open(Sid: string, Resource: string, Action: string): Promise<void> {
    const Statement = [{ Sid: Sid.replaceAll(/\W/g, ""), Effect: "Allow", Principal: "*", Action, Resource }];
    const body = JSON.stringify({ Version: "2012-10-17", Statement });
    const answer = await stage.server.ask("replica?policy", { method: "PUT", body });
    expect(answer.status, await answer.text()).toBeLessThan(300);
}
