import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readPolicy, writePolicy } from "../../components/bucket-policies";
import { allows, type Call } from "./evaluate";
import { type Stage, startStage } from "./stage";

const arn = "arn:aws:s3:::";
const object = (action: string, path: string): Call => ({ action: `s3:${action}`, resource: arn + path });
const list = (bucket: string, prefix?: string): Call => ({
    ...{ action: "s3:ListBucket", resource: arn + bucket },
    ...(prefix !== undefined && { context: { "s3:prefix": prefix } }),
});

/** Who may do what: source is `production/site`, target `replica/site`. */
const table: [Call, { reads: boolean; writes: boolean }][] = [
    [object("GetObject", "production/site/a/b"), { reads: true, writes: false }],
    [list("production", "site/"), { reads: true, writes: false }],
    [list("production", "site/a/"), { reads: true, writes: false }],
    [object("GetObject", "replica/site/a"), { reads: false, writes: true }],
    [list("replica", "site/"), { reads: false, writes: true }],
    [object("PutObject", "replica/site/a"), { reads: false, writes: true }],
    [object("DeleteObject", "replica/site/a"), { reads: false, writes: true }],
    [object("AbortMultipartUpload", "replica/site/a"), { reads: false, writes: true }],
    ...["GetBucketPolicyStatus", "GetBucketAcl", "GetBucketPublicAccessBlock", "ListBucketMultipartUploads"].map(
        (action): [Call, { reads: boolean; writes: boolean }] => [
            object(action, "replica"),
            { reads: false, writes: true },
        ],
    ),
];

/** What neither may. */
const denied: Call[] = [
    ...["PutObject", "DeleteObject", "AbortMultipartUpload", "PutObjectAcl"].map((action) =>
        object(action, "production/site/a"),
    ),
    ...["production/other", "production/site2/a", "production/site", "production2/site/a"].map((path) =>
        object("GetObject", path),
    ),
    ...["replica/other", "replica/site2/a", "replica/site"].flatMap((path) =>
        ["GetObject", "PutObject", "DeleteObject"].map((action) => object(action, path)),
    ),
    ...["production", "replica"].flatMap((bucket) => [
        list(bucket),
        list(bucket, ""),
        list(bucket, "site"),
        list(bucket, "site2/"),
    ]),
    ...["DeleteObjectVersion", "PutObjectAcl", "GetObjectVersion", "BypassGovernanceRetention"].map((action) =>
        object(action, "replica/site/a"),
    ),
    ...[
        "DeleteBucket",
        "PutBucketPolicy",
        "PutBucketAcl",
        "PutBucketPublicAccessBlock",
        "PutLifecycleConfiguration",
        "PutBucketVersioning",
    ].map((action) => object(action, "replica")),
    ...["GetBucketAcl", "GetBucketPolicyStatus"].map((action) => object(action, "production")),
    { action: "iam:CreateAccessKey", resource: "arn:aws:iam::123456789012:user/any" },
    { action: "sts:AssumeRole", resource: "arn:aws:iam::123456789012:role/any" },
];

const read = readPolicy({ bucket: "production", prefix: "site" });
const write = writePolicy({ bucket: "replica", prefix: "site" });
const named = ({ action, resource, context }: Call) => `${action} ${resource} ${context?.["s3:prefix"] ?? ""}`;

describe("S3-12: the policies of the two identities", () => {
    test.each(table.map(([call, may]) => ({ name: named(call), call, may })))("$name", ({ call, may }) => {
        expect({ reads: allows(read, call), writes: allows(write, call) }).toEqual(may);
    });

    test.each(denied.map((call) => ({ name: named(call), call })))("neither: $name", ({ call }) => {
        expect([allows(read, call), allows(write, call)]).toEqual([false, false]);
    });

    test("of whole buckets are about these buckets alone", () => {
        const whole = [readPolicy({ bucket: "production" }), writePolicy({ bucket: "replica" })] as const;
        expect(allows(whole[0], list("production"))).toBe(true);
        expect(allows(whole[0], object("GetObject", "production/any"))).toBe(true);
        expect(allows(whole[1], object("PutObject", "replica/any"))).toBe(true);
        expect(
            [list("replica"), object("GetObject", "production2/a"), object("PutObject", "production/a")].some((call) =>
                allows(whole[0], call),
            ),
        ).toBe(false);
    });

    test("name every action by itself, and the partition that they are for", () => {
        for (const { Action, Resource } of [read, write].flatMap(({ Statement }) => Statement)) {
            expect(Action.join()).not.toContain("*");
            expect(Resource).toMatch(/^arn:aws:s3:::(production|replica)(\/site\/\*)?$/);
        }
        const china = readPolicy({ bucket: "production", partition: "aws-cn" });
        expect(china.Statement.every(({ Resource }) => Resource.startsWith("arn:aws-cn:s3:::production"))).toBe(true);
    });
});

test("an explicit deny wins, and what is not understood is an error", () => {
    const call = object("GetObject", "a/b");
    const all = { Effect: "Allow", Action: "*", Resource: "*" };
    expect(allows({ Statement: [all] }, call)).toBe(true);
    expect(allows({ Statement: [all, { Effect: "Deny", Action: "s3:get*", Resource: `${arn}a/?` }] }, call)).toBe(
        false,
    );
    expect(() =>
        allows({ Statement: [{ ...all, Condition: { Bool: { "aws:SecureTransport": "true" } } }] }, call),
    ).toThrow("Bool");
    expect(() => allows({ Statement: [{ ...all, NotAction: "s3:*" } as never] }, call)).toThrow("NotAction");
});

describe("a real server says the same of", () => {
    let stage: Stage;
    beforeAll(async () => {
        stage = await startStage();
        await stage.server.put("production", { "site/a": "1", other: "2" });
        await stage.server.put("replica", { "site/a": "1", other: "2" });
    });
    afterAll(() => stage?.stop());

    const calls: [string, string, RequestInit][] = [
        ["GetObject", "production/site/a", {}],
        ["GetObject", "production/other", {}],
        ["PutObject", "production/site/a", { method: "PUT", body: "x" }],
        ["DeleteObject", "production/site/a", { method: "DELETE" }],
        ["GetObject", "replica/site/a", {}],
        ["GetObject", "replica/other", {}],
        ["PutObject", "replica/site/new", { method: "PUT", body: "x" }],
        ["PutObject", "replica/new", { method: "PUT", body: "x" }],
        ["DeleteObject", "replica/site/new", { method: "DELETE" }],
        ["DeleteObject", "replica/other", { method: "DELETE" }],
    ];

    test.each(calls)("%s %s", async (action, path, init) => {
        for (const [keys, policy] of [
            [stage.reader, read],
            [stage.writer, write],
        ] as const) {
            const { status } = await stage.as(keys, path, init);
            expect(status < 300).toBe(allows(policy, object(action, path)));
        }
    });

    test.each([
        ["production", "site/"],
        ["production", ""],
        ["replica", "site/"],
        ["replica", "site2/"],
    ])("ListBucket %s %s", async (bucket, prefix) => {
        for (const [keys, policy] of [
            [stage.reader, read],
            [stage.writer, write],
        ] as const) {
            const { status } = await stage.as(keys, `${bucket}?list-type=2&prefix=${encodeURIComponent(prefix)}`, {});
            expect(status < 300).toBe(allows(policy, list(bucket, prefix)));
        }
    });
});
