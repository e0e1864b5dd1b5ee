/** What the agent is told of bucket copies. */
import {
    type BucketKeys,
    type BucketSidePlan,
    type BucketsPlan,
    bucketsVersion,
    type UploadsPlan,
} from "../contract/buckets";
import type { BucketSide, BucketsSettings } from "../settings/buckets";
import type { MadeIdentity } from "./bucket-identity";

/** The identities that were made for a copy; those of the stack file count first. */
export interface MadeIdentities {
    from?: MadeIdentity;
    to?: MadeIdentity;
}

/** What {@link bucketsPlan} has to know besides the settings. */
export interface BucketsPlanArgs {
    /** `<project>/<stack>`. */
    stack: string;
    /** The program that copies, by name or path. */
    rclone: string;
    /** Folder that the files with keys go to. */
    folder: string;
    /** By the copies' positions. */
    made?: MadeIdentities[];
}

/** The agent's plan, and what is secret of it. */
export interface BucketsFiles<Plan = BucketsPlan> {
    plan: Plan;
    /** Keys by the path of the file that they go to, which has to have mode 0600. */
    keys: Record<string, BucketKeys>;
}

/** The plan of the settings' copies. It holds no secret itself. */
export function bucketsPlan(settings: BucketsSettings, args: BucketsPlanArgs): BucketsFiles {
    const { stack, rclone, folder, made = [] } = args;
    const { keys, sideOf } = sidesIn(folder);
    const plan: BucketsPlan = {
        ...{ version: bucketsVersion, stack, rclone, parallelism: settings.parallelism },
        copies: settings.copies.map(({ description, from, to, maximumDeletions, minimumObjects }, at) => ({
            ...(description !== undefined && { description }),
            from: sideOf(`copy-${at}-from`, from, made[at]?.from),
            to: sideOf(`copy-${at}-to`, to, made[at]?.to),
            ...{ adopt: to.adopt, maximumDeletions, minimumObjects },
        })),
    };
    return { plan, keys };
}

/** The plan of the settings' uploads, likewise. */
export function uploadsPlan(
    { daily, weekly }: NonNullable<BucketsSettings["uploads"]>,
    { rclone, folder }: Pick<BucketsPlanArgs, "rclone" | "folder">,
): BucketsFiles<UploadsPlan> {
    const { keys, sideOf } = sidesIn(folder);
    const plan = {
        rclone,
        daily: sideOf("uploads-daily", daily),
        ...(weekly !== undefined && { weekly: sideOf("uploads-weekly", weekly) }),
    };
    return { plan, keys };
}

/** What the agent is told of sides, whose keys are collected. */
function sidesIn(folder: string) {
    const keys: Record<string, BucketKeys> = {};
    const sideOf = (name: string, side: BucketSide, identity?: MadeIdentity): BucketSidePlan => {
        const { bucket, prefix, endpoint, region, provider, profile } = side;
        const known = side.credentials ?? (identity !== undefined && "keys" in identity ? identity.keys : undefined);
        const role = side.role ?? (identity !== undefined && "role" in identity ? identity.role : undefined);
        const file = `${folder}/${name}.json`;
        if (profile === undefined && known !== undefined) {
            keys[file] = known;
        }
        return {
            bucket,
            ...(prefix !== undefined && { prefix }),
            ...(endpoint !== undefined && { endpoint }),
            ...(region !== undefined && { region }),
            ...(provider !== undefined && { provider }),
            identity: profile === undefined ? { file } : { profile },
            ...(role !== undefined && { role }),
        };
    };
    return { keys, sideOf };
}
