/** What crosses from the Pulumi program to the agent where buckets are copied, and what the agent answers. */
import * as z from "zod";

/** Version of the plan's shape; an agent refuses a plan of another version. */
export const bucketsVersion = 1;

/** The agent's commands for buckets: the first tells what the second would do and changes nothing. */
export const bucketsCommands = ["plan-buckets", "copy-buckets"] as const;
export type BucketsCommand = (typeof bucketsCommands)[number];

/** Keys of an identity, as a file of mode 0600 holds them: JSON, and nothing else in it. */
export const bucketKeys = z.strictObject({
    accessKeyId: z.string().min(1),
    secretAccessKey: z.string().min(1),
    sessionToken: z.string().min(1).optional(),
});
export type BucketKeys = z.infer<typeof bucketKeys>;

/** A prefix of a bucket. */
const place = z.strictObject({
    bucket: z.string().min(1),
    /** Folder in the bucket; the whole bucket if left out. */
    prefix: z.string().min(1).optional(),
    /** Address of the server; Amazon's for the region if left out. */
    endpoint: z.string().optional(),
});
export type BucketPlace = z.infer<typeof place>;

/** A place, and as whom its server is asked. */
const side = place.extend({
    region: z.string().optional(),
    /** rclone's name for whose server it is; `AWS` without an endpoint, else `Other`, if left out. */
    provider: z.string().optional(),
    /** A profile of the AWS files of whoever runs the agent, or a file with {@link bucketKeys}. */
    identity: z.union([z.strictObject({ profile: z.string() }), z.strictObject({ file: z.string() })]),
    /** ARN of a role that this identity takes on. */
    role: z.string().optional(),
});
export type BucketSidePlan = z.infer<typeof side>;

const copy = z.strictObject({
    /** For people. */
    description: z.string().optional(),
    from: side,
    to: side,
    /** Whether objects that are there before the first copy are its own. */
    adopt: z.boolean(),
    /** Percent of the target's objects that one run may delete. */
    maximumDeletions: z.number().min(0).max(100),
    /** Fewer objects than this in the source mean that it is not really there. */
    minimumObjects: z.number().int().min(1),
});
export type BucketCopy = z.infer<typeof copy>;

/** What the agent has to know to upload database dumps, which it is told on its standard input. */
export const uploadsPlan = z.strictObject({
    /** The program that uploads, by name or path. */
    rclone: z.string(),
    daily: side,
    /** On days 1, 7, 14, 21 and 28 of each month; nowhere if left out. */
    weekly: side.optional(),
});
export type UploadsPlan = z.infer<typeof uploadsPlan>;

/** The plan, in full. It holds no secret, only the files that secrets are in. */
export const bucketsSchema = z.strictObject({
    version: z.literal(bucketsVersion),
    /** `<project>/<stack>`: the marker that a copy of this stack's carries. */
    stack: z.string().min(1),
    /** The program that copies, by name or path. */
    rclone: z.string(),
    /** Objects that are copied at once. */
    parallelism: z.number().int().min(1),
    copies: z.array(copy),
});
export type BucketsPlan = z.infer<typeof bucketsSchema>;

/** Object at the root of a copy that says whose it is: `{"stack": "<project>/<stack>"}`. No source's is copied. */
export const copyMarker = ".understudy.json";

/** A number of objects, and their bytes together. */
const amount = z.strictObject({
    objects: z.number(),
    bytes: z.number(),
    /** The first few of them. */
    examples: z.array(z.string()),
});
export type Amount = z.infer<typeof amount>;

/** What a copy would do, or what has become of it. */
const outcome = z.strictObject({
    name: z.string(),
    from: z.string(),
    to: z.string(),
    /** What is not in the target, what is something else there, and what is there alone. */
    adds: amount.optional(),
    changes: amount.optional(),
    deletes: amount.optional(),
    /** Objects of the source, and their bytes together. */
    source: z.strictObject({ objects: z.number(), bytes: z.number() }).optional(),
    seconds: z.number(),
    /** What of the guards nobody could tell. */
    unknown: z.array(z.string()),
    /** Why it was refused, or has failed. */
    problem: z.string().optional(),
    /** Whether that was before anything was changed. */
    refused: z.boolean().optional(),
});
export type BucketOutcome = z.infer<typeof outcome>;

/** A line of the agent's log, as JSON: one for each run. */
export const bucketsEvent = z.strictObject({
    event: z.enum(["buckets-planned", "buckets-copied"]),
    copies: z.array(outcome),
    seconds: z.number(),
});
export type BucketsEvent = z.infer<typeof bucketsEvent>;

/** Whether a place is another, or part of it: `isWithin({bucket: "a", prefix: "b/c"}, {bucket: "a", prefix: "b"})`. */
export function isWithin(inner: BucketPlace, outer: BucketPlace): boolean {
    const folder = (prefix: string | undefined) => (prefix === undefined ? "" : `${prefix}/`);
    return (
        inner.bucket === outer.bucket &&
        serverOf(inner) === serverOf(outer) &&
        folder(inner.prefix).startsWith(folder(outer.prefix))
    );
}

/** Amazon's has many addresses, and a bucket's name is the only one of it there. */
function serverOf({ endpoint }: BucketPlace): string {
    const host = endpoint === undefined ? "amazonaws.com" : new URL(endpoint).host;
    return /(^|\.)amazonaws\.com(\.cn)?$/.test(host) ? "amazonaws.com" : host;
}

/** A place for people: `s3://bucket/prefix`. */
export function nameOfPlace({ bucket, prefix }: BucketPlace): string {
    return `s3://${bucket}${prefix === undefined ? "" : `/${prefix}`}`;
}
