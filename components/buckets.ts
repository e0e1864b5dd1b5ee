import { Provider } from "@pulumi/aws/provider";
import * as pulumi from "@pulumi/pulumi";
import type { BucketKeys, BucketsPlan } from "../contract/buckets";
import type { BucketsSettings } from "../settings/buckets";
import { BucketIdentity } from "./bucket-identity";
import { type BucketsPlanArgs, bucketsPlan, type MadeIdentities } from "./bucket-plan";
import { readPolicy, writePolicy } from "./bucket-policies";
import { BucketTarget } from "./bucket-target";

/** Arguments of {@link Buckets}. */
export interface BucketsArgs extends Omit<BucketsPlanArgs, "made"> {
    settings: BucketsSettings;
    /** Provider of the account that the sources belong to. Default: the one of each target. */
    sourceProvider?: Provider;
}

type Copy = BucketsSettings["copies"][number];

/** The targets and identities of bucket copies that are to be made, and what the agent is told of all copies. */
export class Buckets extends pulumi.ComponentResource {
    /** It holds no secret, so that a diff shows it. */
    readonly plan: pulumi.Output<BucketsPlan>;
    /** Keys by the path of the file that they go to, which has to have mode 0600; a secret. */
    readonly keys: pulumi.Output<Record<string, BucketKeys>>;

    constructor(name: string, args: BucketsArgs, options: pulumi.ComponentResourceOptions = {}) {
        super("understudy:index:Buckets", name, {}, options);
        const { settings, sourceProvider, ...others } = args;
        const made = settings.copies.map((copy, at) =>
            copy.to.create ? this.make(`${name}-${at}`, copy, sourceProvider) : pulumi.output<MadeIdentities>({}),
        );
        const files = pulumi.all(made).apply((identities) => bucketsPlan(settings, { ...others, made: identities }));
        this.plan = pulumi.unsecret(files.plan);
        this.keys = pulumi.secret(files.keys);
        this.registerOutputs();
    }

    /** Makes a target, and the identities that nobody has written. They are told when all of it is there. */
    private make(
        name: string,
        { from, to }: Copy,
        sourceProvider: Provider | undefined,
    ): pulumi.Output<MadeIdentities> {
        // As whoever runs Pulumi: neither of the identities that copy may make buckets and users.
        const provider = new Provider(name, { region: to.region }, { parent: this });
        const target = new BucketTarget(`${name}-target`, { bucket: to.bucket }, { parent: this, provider });
        const reader = isToBeMade(from)
            ? new BucketIdentity(
                  `${name}-reader`,
                  { policy: readPolicy(from), principal: from.principal },
                  { parent: this, provider: sourceProvider ?? provider },
              )
            : undefined;
        const writer = isToBeMade(to)
            ? new BucketIdentity(
                  `${name}-writer`,
                  { policy: writePolicy(to), principal: to.principal },
                  { parent: this, provider },
              )
            : undefined;
        const identities = { ...(reader && { from: reader.identity }), ...(writer && { to: writer.identity }) };
        return pulumi.all([pulumi.output(identities), target.bucket]).apply(([known]) => known);
    }
}

/** A side that has no identity yet, or only somebody to take one on. */
function isToBeMade({ profile, credentials, principal }: Copy["from"]): boolean {
    return principal !== undefined || (profile === undefined && credentials === undefined);
}
