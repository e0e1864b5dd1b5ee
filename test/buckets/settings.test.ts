import { describe, expect, test } from "vitest";
import { z } from "zod";
import { bucketsPlan, uploadsPlan } from "../../components/bucket-plan";
import { bucketsSchema, isWithin } from "../../contract/buckets";
import { type BucketsSettings, buckets, bucketsContradictions } from "../../settings/buckets";
import { describe as sentences } from "../../settings/problems";

const schema = z.strictObject({ buckets });
const from = { bucket: "production-media", prefix: "site", profile: "production-reader" };
const to = { bucket: "stage-media", prefix: "site", profile: "stage-writer" };

/** What is wrong with copies, in sentences. */
function problems(
    copies: object[],
    more: object = {},
    production?: Parameters<typeof bucketsContradictions>[1],
): string[] {
    const result = schema.safeParse({ buckets: { copies, ...more } }, { reportInput: true });
    return result.success
        ? bucketsContradictions(result.data.buckets, production)
        : result.error.issues.flatMap((issue) => sentences(issue, schema));
}

const parsed = (settings: object): BucketsSettings => buckets.parse(settings);

describe("bucket copies in a stack file", () => {
    test("need two places and their profiles, and copy 16 objects at once as today", () => {
        expect(problems([{ from, to }])).toEqual([]);
        expect(parsed({ copies: [{ from, to }] })).toEqual({
            copies: [{ from, to: { ...to, create: false, adopt: false }, maximumDeletions: 20, minimumObjects: 1 }],
            parallelism: 16,
        });
    });

    test("go to several places from one, and from several to places beside one another", () => {
        const part = (bucket: string, prefix: string) => ({ ...to, bucket, prefix });
        expect(
            problems([
                { from, to: part("a-stage", "x") },
                { from, to: part("a-stage", "xy") },
                { from, to: part("b-stage", "x") },
            ]),
        ).toEqual([]);
        const elsewhere = { ...to, endpoint: "https://s3.example.org" };
        expect(
            problems([
                { from, to },
                { from, to: elsewhere },
            ]),
        ).toEqual([]);
    });

    const at = "buckets.copies.0";
    test.each<[string, object[], string[]]>([
        [
            "no identity",
            [{ from: { ...from, profile: undefined }, to }],
            [`${at}.from.profile is missing: write the profile that this bucket is used as, or ${at}.from.credentials`],
        ],
        [
            "two identities",
            [{ from: { ...from, credentials: { accessKeyId: "a", secretAccessKey: "b" } }, to }],
            [`${at}.from.credentials is written, and so is ${at}.from.profile: leave one of them out`],
        ],
        [
            "a role of nobody's",
            [{ from: { ...from, profile: undefined, role: "arn:aws:iam::123456789012:role/reader" }, to }],
            [`${at}.from.role is of nobody who is known here: write ${at}.from.profile, or ${at}.from.credentials`],
        ],
        [
            "a principal without a role",
            [{ from: { ...from, principal: "arn:aws:iam::123456789012:user/a" }, to }],
            [`${at}.from.principal is for a role that is not made: write create: true for the target, or leave it out`],
        ],
        [
            "its source as target",
            [{ from, to: { ...to, bucket: "production-media" } }],
            [`${at}.to is s3://production-media/site, which is ${at}.from: write a place for the copy alone`],
        ],
        [
            "a target within its source",
            [{ from, to: { ...to, bucket: "production-media", prefix: "site/stage" } }],
            [
                `${at}.to is s3://production-media/site/stage, and s3://production-media/site is ${at}.from: write a place for the copy alone, neither within it nor around it`,
            ],
        ],
        [
            "a target around its source",
            [{ from, to: { ...to, bucket: "production-media", prefix: undefined } }],
            [
                `${at}.to is s3://production-media, and s3://production-media/site is ${at}.from: write a place for the copy alone, neither within it nor around it`,
            ],
        ],
        [
            "the same the other way round",
            [
                { from, to },
                { from: to, to: from },
            ],
            [
                `${at}.to is s3://stage-media/site, which is buckets.copies.1.from: write a place for the copy alone`,
                `buckets.copies.1.to is s3://production-media/site, which is ${at}.from: write a place for the copy alone`,
            ],
        ],
        [
            "one target twice",
            [
                { from, to },
                { from: { ...from, prefix: "other" }, to: { ...to, prefix: "site/other" } },
            ],
            [
                `buckets.copies.1.to is s3://stage-media/site/other, and ${at}.to is s3://stage-media/site: keep them apart`,
            ],
        ],
        [
            "a bucket to be made elsewhere",
            [{ from, to: { ...to, create: true, endpoint: "https://s3.example.org" } }],
            [`${at}.to.create is true, but the bucket is not Amazon's: make it there, and leave out ${at}.to.create`],
        ],
        [
            "a reader to be made elsewhere",
            [
                {
                    from: { ...from, endpoint: "https://s3.example.org", profile: undefined },
                    to: { ...to, create: true },
                },
            ],
            [`${at}.from.profile is missing: write the profile that this bucket is used as, or ${at}.from.credentials`],
        ],
        [
            "a new bucket that is adopted",
            [{ from, to: { ...to, create: true, adopt: true } }],
            [`${at}.to.adopt is true, but ${at}.to.create makes a new bucket: leave one of them out`],
        ],
        [
            "a percentage that there is not",
            [{ from, to, maximumDeletions: 120 }],
            [`${at}.maximumDeletions is 120: write at most 100`],
        ],
        [
            "a prefix with a slash",
            [{ from: { ...from, prefix: "site/" }, to }],
            [`${at}.from.prefix is "site/": write a folder of the bucket without a slash at either end`],
        ],
        [
            "a setting of another tool",
            [{ from, to, aws_profile: "x" }],
            [`${at}.aws_profile is not a setting; known here: description, from, to, maximumDeletions, minimumObjects`],
        ],
    ])("with %s are refused", (_, copies, expected) => {
        expect(problems(copies)).toEqual(expected);
    });

    test("never go to what is production's", () => {
        const production = [{ bucket: "stage-media" }];
        expect(problems([{ from, to }], {}, production)).toEqual([
            `${at}.to is s3://stage-media/site, and s3://stage-media is production's: write a place for the copy alone, neither within it nor around it`,
        ]);
    });

    test("and uploads of dumps keep apart, from each other as well", () => {
        const daily = { ...to, prefix: "site/daily" };
        expect(problems([{ from, to }], { uploads: { daily } })).toEqual([
            "buckets.uploads.daily is s3://stage-media/site/daily, and buckets.copies.0.to is s3://stage-media/site: keep them apart",
        ]);
        expect(problems([], { uploads: { daily, weekly: daily } })).toHaveLength(1);
        expect(problems([], { uploads: { daily, weekly: { ...to, prefix: "site/weekly" } } })).toEqual([]);
    });
});

test("a place is another's whatever Amazon's server is called, and a folder is no part of a name", () => {
    const place = { bucket: "a", prefix: "b" };
    expect(isWithin({ ...place, endpoint: "https://s3.eu-west-1.amazonaws.com" }, place)).toBe(true);
    expect(
        isWithin({ ...place, endpoint: "https://S3.example.org" }, { ...place, endpoint: "https://s3.example.org/" }),
    ).toBe(true);
    expect(isWithin({ ...place, endpoint: "https://s3.example.org" }, place)).toBe(false);
    expect([isWithin({ bucket: "a", prefix: "bc" }, place), isWithin({ bucket: "a" }, place)]).toEqual([false, false]);
    expect([isWithin({ bucket: "a", prefix: "b/c" }, place), isWithin(place, { bucket: "a" })]).toEqual([true, true]);
});

test("a plan holds what the settings say, and no secret", () => {
    const credentials = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "hidden" };
    const settings = parsed({
        copies: [
            {
                description: "pictures",
                from: { ...from, role: "arn:aws:iam::123456789012:role/reader" },
                to: { ...to, profile: undefined, credentials, adopt: true },
            },
        ],
    });
    const { plan, keys } = bucketsPlan(settings, {
        stack: "understudy/stage",
        rclone: "rclone",
        folder: "/run/keys",
    });
    expect(bucketsSchema.parse(plan)).toEqual({
        ...{ version: 1, stack: "understudy/stage", rclone: "rclone", parallelism: 16 },
        copies: [
            {
                description: "pictures",
                from: {
                    bucket: "production-media",
                    prefix: "site",
                    identity: { profile: "production-reader" },
                    role: "arn:aws:iam::123456789012:role/reader",
                },
                to: { bucket: "stage-media", prefix: "site", identity: { file: "/run/keys/copy-0-to.json" } },
                ...{ adopt: true, maximumDeletions: 20, minimumObjects: 1 },
            },
        ],
    });
    expect(keys).toEqual({ "/run/keys/copy-0-to.json": credentials });
    const daily = { ...to, prefix: "daily" };
    const weekly = { ...to, prefix: "weekly", profile: undefined, credentials };
    expect(uploadsPlan({ daily, weekly }, { rclone: "rclone", folder: "/run/keys" })).toEqual({
        plan: {
            rclone: "rclone",
            daily: { bucket: "stage-media", prefix: "daily", identity: { profile: "stage-writer" } },
            weekly: {
                bucket: "stage-media",
                prefix: "weekly",
                identity: { file: "/run/keys/uploads-weekly.json" },
            },
        },
        keys: { "/run/keys/uploads-weekly.json": credentials },
    });
});
