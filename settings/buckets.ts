/** The part of a stack file that says which buckets are copied, and where database dumps are uploaded. */
import { z } from "zod";
import { type BucketPlace, isWithin, nameOfPlace } from "../contract/buckets";
import { percent } from "./media";
import { s3 } from "./store";

/** An identity of Amazon's, by its full name. */
const arn = z
    .string()
    .regex(/^arn:aws[\w-]*:(iam|sts)::\d{12}:\S+$/, "write an ARN such as arn:aws:iam::123456789012:role/reader");

/** Keys of an identity. In a stack file they are encrypted: `pulumi config set --secret --path`. */
const credentials = z.strictObject({
    accessKeyId: z.string().regex(/^[!-~]+$/, "write an access key's id, without spaces"),
    secretAccessKey: z.string().regex(/^[!-~]+$/, "write a secret access key, without spaces"),
});

/** A prefix of a bucket, and as whom its server is asked: by a profile or by keys, one of the two. */
const side = z.strictObject({
    ...s3.omit({ secret: true }).shape,
    /** Profile of the AWS credentials and configuration files of whoever runs Pulumi. */
    profile: z
        .string()
        .regex(/^[^\s[\]=]+$/, "write the name of a profile of the AWS credentials file")
        .optional(),
    credentials: credentials.optional(),
    /** Role that this identity takes on. */
    role: arn.optional(),
    /** Whose this identity is, where a role is made that they take on; a user with keys of its own is made if left out. */
    principal: arn.optional(),
});

/** The same of a side whose identity may be made. */
const target = side.extend({
    /** Whether the bucket is made, with an identity that reads the source and one that writes here. */
    create: z.boolean().default(false),
    /** Whether objects that are there before the first copy are its own: those of another tool, as a rule. */
    adopt: z.boolean().default(false),
});

const copy = z.strictObject({
    /** For people; the two places if left out. */
    description: z.string().min(1).optional(),
    from: side,
    to: target,
    /** Percent of the target's objects that one run may delete. */
    maximumDeletions: percent.default(20),
    /** A source with fewer objects is taken for one that was emptied, or for the wrong one. */
    minimumObjects: z.number().int().min(1).default(1),
});

/** Where dumps go every day, and where they go as well on some. */
const uploads = z.strictObject({
    daily: side,
    /** On days 1, 7, 14, 21 and 28 of each month; nowhere if left out. */
    weekly: side.optional(),
});

export const buckets = z.strictObject({
    copies: z.array(copy).default([]),
    /** Objects that are copied at once. */
    parallelism: z.number().int().min(1).max(256).default(16),
    /** Database dumps go to no bucket if left out. */
    uploads: uploads.optional(),
});
export type BucketsSettings = z.infer<typeof buckets>;
export type BucketSide = z.infer<typeof side>;

/** A side with the key that it is written under. */
interface Written {
    at: string;
    side: BucketSide;
}

/**
 * What is said of bucket copies that cannot be meant.
 *
 * @param production places that the stack file names as production's elsewhere
 */
export function bucketsContradictions(settings: BucketsSettings, production: BucketPlace[] = []): string[] {
    const { copies, uploads } = settings;
    const sources = copies.map(({ from }, at) => ({ at: `buckets.copies.${at}.from`, side: from }));
    const targets = copies.map(({ to }, at) => ({ at: `buckets.copies.${at}.to`, side: to }));
    const stores = Object.entries(uploads ?? {}).map(([name, one]) => ({ at: `buckets.uploads.${name}`, side: one }));
    return [
        // Nobody can be made who reads what is not Amazon's.
        ...sources.flatMap((one, at) =>
            identityProblems(one, (copies[at]?.to.create ?? false) && one.side.endpoint === undefined),
        ),
        ...targets.flatMap((one, at) => identityProblems(one, copies[at]?.to.create ?? false)),
        ...stores.flatMap((one) => identityProblems(one, false)),
        ...copies.flatMap(({ to }, at) => creationProblems(to, `buckets.copies.${at}.to`)),
        ...targets.flatMap((one) => sourceProblems(one, sources, production)),
        ...[...targets, ...stores].flatMap((one, at, all) => sharedProblems(one, all.slice(0, at))),
        ...stores.flatMap((one) => sourceProblems(one, sources, production)),
    ];
}

function identityProblems({ at, side }: Written, isMade: boolean): string[] {
    const { profile, credentials, role, principal } = side;
    const isKnown = profile !== undefined || credentials !== undefined;
    if (principal !== undefined && !isMade) {
        return [`${at}.principal is for a role that is not made: write create: true for the target, or leave it out`];
    }
    if (principal !== undefined && role !== undefined) {
        return [`${at}.principal has a role made, but ${at}.role names one: leave one of them out`];
    }
    if (profile !== undefined && credentials !== undefined) {
        return [`${at}.credentials is written, and so is ${at}.profile: leave one of them out`];
    }
    if (isKnown) {
        return [];
    }
    for (const name of ["role", "principal"] as const) {
        if (side[name] !== undefined) {
            return [`${at}.${name} is of nobody who is known here: write ${at}.profile, or ${at}.credentials`];
        }
    }
    return isMade
        ? []
        : [`${at}.profile is missing: write the profile that this bucket is used as, or ${at}.credentials`];
}

/** Only Amazon's buckets can be made, and whatever is in a new one is a copy. */
function creationProblems(to: BucketsSettings["copies"][number]["to"], at: string): string[] {
    if (!to.create) {
        return [];
    }
    const elsewhere = to.endpoint !== undefined || (to.provider !== undefined && to.provider !== "AWS");
    return [
        ...(elsewhere
            ? [`${at}.create is true, but the bucket is not Amazon's: make it there, and leave out ${at}.create`]
            : []),
        ...(to.adopt ? [`${at}.adopt is true, but ${at}.create makes a new bucket: leave one of them out`] : []),
    ];
}

/** What would be written into what is only read. */
function sourceProblems({ at, side }: Written, sources: Written[], production: BucketPlace[]): string[] {
    const known = [
        ...sources.map((source) => ({ ...source, what: source.at })),
        ...production.map((place) => ({ side: place, what: "production's" })),
    ];
    return known
        .filter(({ side: source }) => areTangled(side, source))
        .map(({ side: source, what }) =>
            same(side, source)
                ? `${at} is ${nameOfPlace(side)}, which is ${what}: write a place for the copy alone`
                : `${at} is ${nameOfPlace(side)}, and ${nameOfPlace(source)} is ${what}: write a place for the copy ` +
                  "alone, neither within it nor around it",
        );
}

/** Two that would remove each other's objects. */
function sharedProblems({ at, side }: Written, others: Written[]): string[] {
    return others
        .filter((other) => areTangled(side, other.side))
        .map(
            (other) => `${at} is ${nameOfPlace(side)}, and ${other.at} is ${nameOfPlace(other.side)}: keep them apart`,
        );
}

function areTangled(one: BucketPlace, other: BucketPlace): boolean {
    return isWithin(one, other) || isWithin(other, one);
}

function same(one: BucketPlace, other: BucketPlace): boolean {
    return isWithin(one, other) && isWithin(other, one);
}
