import * as aws from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";

/** Arguments of a {@link BucketTarget}. */
export interface BucketTargetArgs {
    /** The bucket's name, which is the only one of it in Amazon's world. */
    bucket: string;
    /** Days that a replaced or deleted object can still be brought back. Default: 30. */
    keepVersionsFor?: number;
}

/**
 * A bucket for copies: private, encrypted, and with the former versions of its objects for a while. A wipe removes it with
 * all that it holds. It stands in its provider's region.
 */
export class BucketTarget extends pulumi.ComponentResource {
    readonly bucket: pulumi.Output<string>;

    constructor(name: string, args: BucketTargetArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:BucketTarget", name, {}, options);
        const { keepVersionsFor = 30 } = args;
        const child = { parent: this };
        const made = new aws.Bucket(name, { bucket: args.bucket, forceDestroy: true }, child);
        const bucket = made.bucket;
        const block = new aws.BucketPublicAccessBlock(
            `${name}-public-access`,
            {
                bucket,
                ...{
                    blockPublicAcls: true,
                    blockPublicPolicy: true,
                    ignorePublicAcls: true,
                    restrictPublicBuckets: true,
                },
            },
            child,
        );
        // Without access lists, whose object it is does not depend on who wrote it.
        const ownership = new aws.BucketOwnershipControls(
            `${name}-ownership`,
            { bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
            child,
        );
        const encryption = new aws.BucketServerSideEncryptionConfiguration(
            `${name}-encryption`,
            { bucket, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
            child,
        );
        const versioning = new aws.BucketVersioning(
            `${name}-versioning`,
            { bucket, versioningConfiguration: { status: "Enabled" } },
            child,
        );
        const lifecycle = new aws.BucketLifecycleConfiguration(
            `${name}-lifecycle`,
            { bucket, rules: lifecycleRules(keepVersionsFor) },
            { parent: this, dependsOn: [versioning] },
        );
        // Nothing is copied before all of that is true.
        const settled = [block.id, ownership.id, encryption.id, versioning.id, lifecycle.id];
        this.bucket = pulumi.all(settled).apply(() => args.bucket);
        this.registerOutputs({ bucket: this.bucket });
    }
}

/** What goes by itself: former versions, what marks deleted objects, and uploads that were never finished. */
function lifecycleRules(days: number) {
    const all = { status: "Enabled", filter: { prefix: "" } };
    return [
        { id: "former-versions", ...all, noncurrentVersionExpiration: { noncurrentDays: days } },
        { id: "deleted-objects", ...all, expiration: { expiredObjectDeleteMarker: true } },
        { id: "unfinished-uploads", ...all, abortIncompleteMultipartUpload: { daysAfterInitiation: 1 } },
    ];
}
