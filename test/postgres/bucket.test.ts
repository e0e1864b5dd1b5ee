import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Origin, Plan } from "../../contract";
import { surveySchema } from "../../contract/survey";
import { type Bucket, credentials, startBucket } from "../bucket";
import { digest } from "../media/places";
import { sweep } from "../sweep";
import { dump, frame, ids, type Replica, stampBefore, startProduction, startReplica } from "./replica";
import type { TestServer } from "./server";

let bucket: Bucket;
let production: TestServer;
let replica: Replica;
let before: string;

beforeAll(async () => {
    [bucket, production, replica] = await Promise.all([startBucket(), startProduction(), startReplica()]);
    before = await replica.server.content();
});
afterAll(async () => {
    await production?.stop();
    await replica?.stop();
    await bucket?.stop();
});
beforeEach(() => {
    rmSync(join(bucket.folder, "backups"), { recursive: true, force: true });
    mkdirSync(join(bucket.folder, "backups/hourly"), { recursive: true });
});

function store(stamp: string, bytes: Buffer): string {
    const path = join(bucket.folder, "backups/hourly", `backup-${stamp}-shop.sql.gz`);
    writeFileSync(path, bytes);
    return path;
}

function plan(origin: Partial<Exclude<Origin, string>> = {}): Plan {
    return replica.plan(ids[0], ids[0], ({ database }) => {
        database.backups = { ...bucket.origin("shop/backups"), ...origin };
    });
}

/** Runs prepare-database, which must end so and leave the server as it was. */
async function expectNothing(status: number, origin: Partial<Exclude<Origin, string>>, env = bucket.environment()) {
    const ending = await replica.run("prepare-database", plan(origin), { env });
    expect(ending.status, ending.log).toBe(status);
    expect(await replica.server.content()).toBe(before);
    expect(ending.log).not.toContain(env.RCLONE_CONFIG_SOURCE_SECRET_ACCESS_KEY);
    return ending.sentence;
}

test("a survey lists the backups of a bucket with their sizes, the newest first", async () => {
    const [older, newer] = [stampBefore(7200), stampBefore(3600)];
    store(older, frame("SELECT 1;"));
    store(newer, Buffer.alloc(1234));
    const { log, status } = await replica.run("survey", plan(), { env: bucket.environment() });
    expect(status, log).toBe(0);
    const { backups } = surveySchema.parse(JSON.parse(log.trim().split("\n").at(-1) ?? ""));
    expect(backups.map(({ stamp, bytes }) => [stamp, bytes])).toEqual([
        [newer, 1234],
        [older, frame("SELECT 1;").length],
    ]);
});

test("a survey says why a bucket cannot be looked at, and tells the rest", async () => {
    const { log, status } = await replica.run("survey", plan(), { env: bucket.environment(credentials.keyId, "odd") });
    expect(status, log).toBe(0);
    const { backups, problems } = surveySchema.parse(JSON.parse(log.trim().split("\n").at(-1) ?? ""));
    expect(backups).toEqual([]);
    expect(problems).toEqual([
        "The backup store cannot be read: rclone could not read s3://shop/backups/hourly: the server refuses the " +
            "credentials (SignatureDoesNotMatch). Look at source.database.s3.",
    ]);
});

test("a stream that breaks fails the restore, although the whole dump was seen", async () => {
    store(stampBefore(3600), await dump(production));
    // The header is read before anything is made; what the restore itself reads ends badly.
    const counter = join(replica.folder, "runs");
    const rclone = bucket.altered(
        "cat",
        `echo x >> '${counter}'; [ $(wc -l < '${counter}') = 1 ] && exec $rclone "$@"; $rclone "$@"; ` +
            'echo "2026/01/01 00:00:00 ERROR : stream error: connection reset" >&2; exit 1',
    );
    expect(await expectNothing(1, { rclone })).toMatch(
        /cannot be loaded\. rclone could not read s3:\/\/shop\/backups\/hourly\/backup-.*: stream error: connection reset\./,
    );
});

test("a backup that is shorter than listed fails the restore, although rclone is content", async () => {
    store(stampBefore(3600), await dump(production));
    const counter = join(replica.folder, "more-runs");
    const rclone = bucket.altered(
        "cat",
        `echo x >> '${counter}'; [ $(wc -l < '${counter}') = 1 ] && exec $rclone "$@"; $rclone "$@" | head -c 3000; exit 0`,
    );
    expect(await expectNothing(1, { rclone })).toMatch(/gave 3000 bytes instead of \d+/);
});

test("a backup that production removes after it was listed is refused: rclone itself says nothing", async () => {
    const path = store(stampBefore(3600), await dump(production));
    const rclone = bucket.altered("cat", `rm '${path}'`);
    expect(await expectNothing(3, { rclone })).toMatch(/gave 0 bytes instead of \d+/);
});

sweep([
    ["a wrong key", {}, [credentials.keyId, "another"], "refuses the credentials (SignatureDoesNotMatch)"],
    ["an unknown key", {}, ["somebody", "another"], "refuses the credentials (InvalidAccessKeyId)"],
    ["a bucket that is not there", { remote: "source:shopp/backups" }, [], "there is no such bucket"],
    ["a prefix with nothing below it", { remote: "source:shop/other" }, [], "hourly holds no backup at all"],
])("%s is refused", async (_, origin, [keyId, accessKey], expected) => {
    expect(await expectNothing(3, origin, bucket.environment(keyId, accessKey))).toContain(expected);
});

test("a backup is restored out of a bucket, and nothing is written to it", async () => {
    const bytes = await dump(production);
    store(stampBefore(3600), bytes);
    const untouched = digest(bucket.folder);
    const ending = await replica.run("prepare-database", plan(), { env: bucket.environment() });
    expect(ending, ending.log).toMatchObject({ status: 0, sentence: expect.stringContaining("restored and proven") });
    expect(ending.log).not.toContain(credentials.accessKey);
    const [generation] = await replica.server.query("postgres", "select report from understudy.generation");
    expect(generation?.report).toMatchObject({
        backupBytes: bytes.length,
        sha256: createHash("sha256").update(bytes).digest("hex"),
        tables: expect.objectContaining({ "public.customer": expect.objectContaining({ rows: 3006 }) }),
    });
    expect(digest(bucket.folder)).toBe(untouched);
});

sweep([
    ["custom", ids[2]],
    ["tar", ids[3]],
] as const)("an archive in format %s is restored out of a bucket, where it cannot be sought", async (format, id) => {
    store(stampBefore(3600), await production.tool("pg_dump", [`--format=${format}`, "shop"]));
    const archived = plan();
    archived.database.generation = id;
    const ending = await replica.run("prepare-database", archived, { env: bucket.environment() });
    expect(ending, ending.log).toMatchObject({ status: 0, sentence: expect.stringContaining("restored and proven") });
    const [generation] = await replica.server.query(
        "postgres",
        `select report from understudy.generation where id = '${id}'`,
    );
    expect(generation?.report).toMatchObject({
        tables: expect.objectContaining({ "public.customer": expect.objectContaining({ rows: 3006 }) }),
    });
});
