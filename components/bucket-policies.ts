/** What the two identities of a bucket copy may do: as little as copies, their guards and their proofs ask for. */
import type { BucketPlace } from "../contract/buckets";

/** A policy of IAM's, as JSON writes it. */
export interface Policy {
    Version: "2012-10-17";
    Statement: Statement[];
}

/** One permission of it. */
export interface Statement {
    Sid: string;
    Effect: "Allow";
    Action: string[];
    Resource: string;
    Condition?: { StringLike: { "s3:prefix": string[] } };
}

/** What a policy is about. */
export interface PolicyPlace extends Pick<BucketPlace, "bucket" | "prefix"> {
    /** Amazon's name for a part of its world, as in ARNs. Default: `aws`. */
    partition?: string;
}

/** What reads a place may do: list what is below the prefix, and read it. */
export function readPolicy(place: PolicyPlace): Policy {
    return policy([
        listing(place),
        { Sid: "Read", Effect: "Allow", Action: ["s3:GetObject"], Resource: objectsOf(place) },
    ]);
}

/**
 * What writes a place may do: what {@link readPolicy} allows, since a copy is compared with its source; add, replace and
 * delete objects below the prefix; find uploads that were never finished; and ask whether the bucket is public. Versions that are gone stay out of its reach.
 */
export function writePolicy(place: PolicyPlace): Policy {
    return policy([
        listing(place),
        {
            Sid: "Write",
            Effect: "Allow",
            Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            Resource: objectsOf(place),
        },
        {
            Sid: "LookAtBucket",
            Effect: "Allow",
            Action: [
                "s3:ListBucketMultipartUploads",
                "s3:GetBucketPolicyStatus",
                "s3:GetBucketAcl",
                "s3:GetBucketPublicAccessBlock",
            ],
            Resource: bucketOf(place),
        },
    ]);
}

function policy(Statement: Statement[]): Policy {
    return { Version: "2012-10-17", Statement };
}

function listing(place: PolicyPlace): Statement {
    const { prefix } = place;
    return {
        Sid: "List",
        Effect: "Allow",
        Action: ["s3:ListBucket"],
        Resource: bucketOf(place),
        ...(prefix !== undefined && { Condition: { StringLike: { "s3:prefix": [`${prefix}/*`] } } }),
    };
}

function bucketOf({ bucket, partition = "aws" }: PolicyPlace): string {
    return `arn:${partition}:s3:::${bucket}`;
}

function objectsOf(place: PolicyPlace): string {
    return `${bucketOf(place)}/${place.prefix === undefined ? "" : `${place.prefix}/`}*`;
}
