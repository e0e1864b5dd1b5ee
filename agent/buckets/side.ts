import { type BucketSidePlan, nameOfPlace } from "../../contract/buckets";
import type { Remote } from "../rclone";
import { type Identity, identityOf } from "./identity";

/** One side of a copy, with the way to it. */
export interface Side {
    plan: BucketSidePlan;
    identity: Identity;
    remote: Remote;
    /** For people. */
    name: string;
}

/** What the two sides are called in rclone's environment. */
export type Role = "from" | "to";

/**
 * The way to a side. Its rclone knows this side's identity and no other: neither another side's, nor what whoever runs
 * the agent has in the environment.
 *
 * @throws {Refusal} when its identity is not there
 */
export async function openSide(role: Role, plan: BucketSidePlan, rclone: string): Promise<Side> {
    const identity = await identityOf(plan);
    const path = plan.prefix === undefined ? plan.bucket : `${plan.bucket}/${plan.prefix}`;
    return {
        plan,
        identity,
        name: nameOfPlace(plan),
        // Without the slash, rclone takes a folder for a file when the server does not let it look.
        remote: { rclone, remote: `${role}:${path}/`, environment: { ...bare(), ...settingsOf(role, plan, identity) } },
    };
}

function settingsOf(role: Role, { endpoint, region, provider, role: assumed }: BucketSidePlan, identity: Identity) {
    const settings: Record<string, string | undefined> = {
        TYPE: "s3",
        PROVIDER: provider ?? (endpoint === undefined ? "AWS" : "Other"),
        ENDPOINT: endpoint,
        REGION: region,
        ROLE_ARN: assumed,
        // A bucket that is not there is a mistake, and none is made.
        NO_CHECK_BUCKET: "true",
        // Nobody has to look at each object that was just written: all of them are listed afterwards.
        NO_HEAD: "true",
        ...("keys" in identity
            ? {
                  ACCESS_KEY_ID: identity.keys.accessKeyId,
                  SECRET_ACCESS_KEY: identity.keys.secretAccessKey,
                  SESSION_TOKEN: identity.keys.sessionToken,
              }
            : { ENV_AUTH: "true", PROFILE: identity.profile }),
    };
    const known = Object.entries(settings).filter(([, value]) => value !== undefined);
    return Object.fromEntries(known.map(([key, value]) => [`RCLONE_CONFIG_${role.toUpperCase()}_${key}`, value]));
}

/** The agent's environment without what would give rclone another identity, or other options. */
function bare(): NodeJS.ProcessEnv {
    const foreign = /^(RCLONE_|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|PROFILE|DEFAULT_PROFILE)$)/;
    return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
