import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { copyBuckets, planBuckets } from "../../agent/buckets/copy";
import { Refusal } from "../../agent/refusal";
import type { BucketsPlan } from "../../contract/buckets";
import { recordLog } from "./log";
import { altered, eventIn, never, type Stage, startStage } from "./stage";

let stage: Stage;
let log: () => string;

beforeAll(async () => {
    stage = await startStage();
});
afterAll(() => stage?.stop());
beforeEach(async () => {
    await stage.empty();
    await stage.server.put("production", { "site/a": "one", "site/b/c": "two", other: "not below the prefix" });
    log = recordLog();
});
afterEach(() => vi.restoreAllMocks());

const replica = () => stage.server.objects("replica");
const run = (plan: BucketsPlan = stage.plan(stage.copy())) => copyBuckets(plan, never);

describe("a copy of a bucket", () => {
    test("has every object below the prefix and nothing else, and the source is left as it is", async () => {
        const before = await stage.server.objects("production");
        expect(await run()).toMatch(
            /^Copied 1 bucket in .*, each proven .* 2 added and 0 replaced \(6 bytes\), 0 deleted, of 2 objects \(6 bytes\)/,
        );
        expect(await replica()).toEqual({ "site/a": "one", "site/b/c": "two" });
        expect(await stage.server.objects("production")).toEqual(before);
    });

    test("S3-04: loses what the source does not have, and what differs is replaced even where the size is the same", async () => {
        await run();
        await stage.server.put("production", { "site/a": "uno" });
        await stage.server.put("replica", { "site/extra": "of nobody" });
        expect(await run(stage.plan(stage.copy({ maximumDeletions: 40 })))).toContain(
            "0 added and 1 replaced (3 bytes), 1 deleted",
        );
        expect(await replica()).toEqual({ "site/a": "uno", "site/b/c": "two" });
    });

    test("is not written to when nothing has changed", async () => {
        await run();
        const rclone = altered(stage, "sync", "exit 9");
        expect(await run({ ...stage.plan(stage.copy()), rclone })).toContain(
            "0 added and 0 replaced (0 bytes), 0 deleted",
        );
    });

    test("keeps names as they are, and types and encodings with their objects", async () => {
        const names = [
            " lead",
            "trail ",
            "#hash",
            ";semicolon",
            "-rf",
            "\u00e9",
            "e\u0301",
            "日本",
            "$(touch pwned)",
            "a+b%20c",
        ];
        const objects = Object.fromEntries(names.map((name) => [`site/${name}`, `of ${name}`]));
        await stage.server.put("production", objects);
        const headers = { "content-type": "text/html", "content-encoding": "gzip", "cache-control": "max-age=60" };
        await stage.server.ask("production/site/page", { method: "PUT", body: "x", headers });
        await run();
        expect(await replica()).toMatchObject(objects);
        const page = await stage.server.ask("replica/site/page", { method: "HEAD" });
        expect(Object.fromEntries(page.headers)).toMatchObject(headers);
    });

    test("says in figures what it was, for programs", async () => {
        await run(stage.plan(stage.copy({ description: "pictures" })));
        expect(eventIn(log())).toMatchObject({
            event: "buckets-copied",
            copies: [
                {
                    ...{ name: "pictures", from: "s3://production/site", to: "s3://replica/site", unknown: [] },
                    adds: { objects: 2, bytes: 6, examples: ["a", "b/c"] },
                    changes: { objects: 0 },
                    deletes: { objects: 0 },
                    source: { objects: 2, bytes: 6 },
                },
            ],
        });
    });

    test("of an object without a hash is made again when the source has a younger one, and read again as a proof", async () => {
        const parts = (letter: string) => Buffer.alloc(6 * 2 ** 20, letter);
        await stage.putInParts("production", "site/film", parts("a"));
        await run();
        await stage.putInParts("production", "site/film", parts("b"));
        // The old way sees the same size, and no hash.
        await stage.oldWay("production/site", "replica/site", "--exclude=.understudy.json");
        expect((await replica())["site/film"]?.[0]).toBe("a");
        // It has touched nothing, so that the copy is still older than its source.
        expect(await run()).toContain("0 added and 1 replaced (6.0 MiB)");
        expect((await replica())["site/film"]?.[0]).toBe("b");
        const rclone = altered(stage, "check", "echo 'films differ' >&2; exit 1");
        await stage.putInParts("production", "site/film", parts("c"));
        await expect(run({ ...stage.plan(stage.copy()), rclone })).rejects.toThrow("films differ");
    });

    test("that rclone has made wrong fails, and counts as begun", async () => {
        const rclone = altered(stage, "sync", "exit 0");
        const error = await run({ ...stage.plan(stage.copy()), rclone }).catch((reason: Error) => reason);
        expect(error).not.toBeInstanceOf(Refusal);
        expect(String(error)).toContain(
            "2 objects of s3://replica/site (6 bytes) still differ from s3://production/site after 3 runs, a among them",
        );
    });

    test("whose source goes on meanwhile is right if each object is what it was before or after", async () => {
        const late = `echo new | ${stage.writing("production/site/late")}`;
        const rclone = altered(stage, "sync", `$rclone "$@" && ${late}; exit`);
        expect(await run({ ...stage.plan(stage.copy()), rclone })).toContain("2 added");
        expect(await run()).toContain("1 added");
    });

    test("S3-03: that fails is named in the end, while the others are made", async () => {
        await stage.server.put("production", { "site/x/1": "1", "site/y/1": "1", "site/z/1": "1" });
        const nobody = stage.keyFile("nobody", { accessKeyId: "nobody", secretAccessKey: "not-anybodys-secret" });
        const part = (name: string) => {
            const { from, to, ...others } = stage.copy({ description: name });
            return { ...others, from: { ...from, prefix: `site/${name}` }, to: { ...to, prefix: `site/${name}` } };
        };
        const failing = { ...part("y"), from: { ...part("y").from, identity: { file: nobody } } };
        const plan = stage.plan(part("x"), failing, part("z"));
        const error = await run(plan).catch((reason: Error) => reason);
        expect(error).not.toBeInstanceOf(Refusal);
        expect(String(error)).toMatch(
            /1 of 3 bucket copies failed: y: The source cannot be listed: .*InvalidAccessKeyId/,
        );
        expect(String(error)).not.toContain("not-anybodys-secret");
        expect(await replica()).toEqual({ "site/x/1": "1", "site/z/1": "1" });
        expect(eventIn(log()).copies.map(({ problem }) => problem === undefined)).toEqual([true, false, true]);
    });

    test("that is stopped leaves nothing behind, and the next run goes on", async () => {
        const stop = new AbortController();
        const rclone = altered(stage, "sync", `echo $$ > ${stage.folder}/pid; exec sleep 60`);
        const running = copyBuckets({ ...stage.plan(stage.copy()), rclone }, stop.signal);
        await vi.waitFor(() => stage.read("pid"), 120_000);
        stop.abort(new Error("stopped"));
        await expect(running).rejects.toThrow("stopped");
        const pid = Number(stage.read("pid"));
        await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(), 60_000);
        expect(await run()).toContain("2 added");
    });
});

test("uploads that a killed run has not finished are gone after the next one, and only those below the target", async () => {
    const begin = (key: string) => stage.server.ask(`replica/${key}?uploads`, { method: "POST" });
    const unfinished = async () => {
        const list = await (await stage.server.ask("replica?uploads")).text();
        return [...list.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key);
    };
    await run();
    await Promise.all([begin("site/large &amp; new"), begin("site2/of-others")]);
    expect(await unfinished()).toHaveLength(2);
    await run();
    expect(await unfinished()).toEqual(["site2/of-others"]);
});

describe("S3-16: a plan", () => {
    test("lists what would be added, replaced and deleted, and changes nothing", async () => {
        await run();
        await stage.server.put("production", { "site/a": "uno", "site/new": "1234" });
        await stage.server.put("replica", { "site/extra": "of nobody" });
        const before = await Promise.all([stage.server.objects("production"), replica()]);
        log = recordLog();
        const plan = stage.plan(stage.copy({ maximumDeletions: 40, description: "pictures" }));
        expect(await planBuckets(plan, never)).toBe(
            "A copy of 1 bucket would add 1 object, replace 1 object and delete 1 object; nothing was changed.",
        );
        expect(log()).toContain(
            'pictures: add 1 object (4 bytes: "new"), replace 1 object (3 bytes: "a"), ' +
                'delete 1 object (9 bytes: "extra"); the source has 3 objects (10 bytes).',
        );
        expect(eventIn(log())).toMatchObject({
            event: "buckets-planned",
            copies: [{ deletes: { examples: ["extra"] } }],
        });
        expect(await Promise.all([stage.server.objects("production"), replica()])).toEqual(before);
    });

    test("of a first copy writes no marker", async () => {
        await planBuckets(stage.plan(stage.copy()), never);
        expect((await stage.server.ask("replica/site/.understudy.json", { method: "HEAD" })).status).toBe(404);
    });

    test("tells the figures of a copy that would be refused, and refuses", async () => {
        await run();
        await stage.server.remove("production", "site/b/c");
        log = recordLog();
        await expect(planBuckets(stage.plan(stage.copy()), never)).rejects.toThrow(Refusal);
        expect(log()).toContain(
            'delete 1 object (3 bytes: "b/c"); the source has 1 object (3 bytes). 1 of the 2 objects',
        );
    });
});
