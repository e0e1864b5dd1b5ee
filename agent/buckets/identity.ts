import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type BucketKeys, type BucketSidePlan, bucketKeys, nameOfPlace } from "../../contract/buckets";
import { Refusal } from "../refusal";

/** As whom a server is asked: by keys that are known, or by a profile that only rclone can follow. */
export type Identity = { keys: BucketKeys } | { profile: string };

/**
 * Finds the identity of a side.
 *
 * @throws {Refusal} when it is not there, or stands where others can read it
 */
export async function identityOf(side: BucketSidePlan): Promise<Identity> {
    const { identity } = side;
    return "file" in identity
        ? { keys: await keysIn(identity.file, nameOfPlace(side)) }
        : findProfile(identity.profile, nameOfPlace(side));
}

async function keysIn(file: string, place: string): Promise<BucketKeys> {
    const reason = (error: NodeJS.ErrnoException) => {
        throw new Refusal(`The keys for ${place} cannot be read (${error.code}): look at ${file}.`);
    };
    const { mode } = await stat(file).catch(reason);
    if ((mode & 0o077) !== 0) {
        throw new Refusal(`Others than its owner can use the keys for ${place}: make the mode of ${file} 0600.`);
    }
    const text = await readFile(file, "utf8").catch(reason);
    try {
        return bucketKeys.parse(JSON.parse(text));
    } catch {
        // Neither JSON's nor zod's own words: they may quote what they have read.
        throw new Refusal(
            `The keys for ${place} are not what they should be: ${file} is to hold JSON with accessKeyId and secretAccessKey.`,
        );
    }
}

/** Settings of one profile, by name. */
type Profile = Record<string, string>;

async function findProfile(name: string, place: string): Promise<Identity> {
    const { AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE } = process.env;
    const credentials = AWS_SHARED_CREDENTIALS_FILE || join(homedir(), ".aws/credentials");
    const config = AWS_CONFIG_FILE || join(homedir(), ".aws/config");
    const text = (path: string) => readFile(path, "utf8").catch(() => "");
    const [kept, configured] = await Promise.all([text(credentials), text(config)]);
    const own = profilesIn(kept)[name];
    const shared = profilesIn(configured)[name === "default" ? name : `profile ${name}`];
    if (own === undefined && shared === undefined) {
        throw new Refusal(`There is no profile "${name}" for ${place}: write it into ${credentials}, or name another.`);
    }
    const all = { ...shared, ...own };
    const keys = bucketKeys.safeParse({
        accessKeyId: all.aws_access_key_id,
        secretAccessKey: all.aws_secret_access_key,
        sessionToken: all.aws_session_token,
    });
    // What a profile says besides, such as a role, only Amazon's own library follows.
    return keys.success && all.role_arn === undefined ? { keys: keys.data } : { profile: name };
}

/** The sections of an AWS file. */
export function profilesIn(text: string): Record<string, Profile> {
    const profiles: Record<string, Profile> = {};
    let current: Profile | undefined;
    for (const line of text.split(/\r?\n/)) {
        const [, section] = /^\s*\[\s*(.*?)\s*\]/.exec(line) ?? [];
        const [, key, value] = /^\s*([\w.-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
        if (section !== undefined) {
            current = profiles[section] ??= {};
        } else if (current !== undefined && key !== undefined && value !== undefined) {
            current[key.toLowerCase()] = value;
        }
    }
    return profiles;
}
