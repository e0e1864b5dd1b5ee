/**
 * The replica's passwords: derived from one key, which is made once and is in the state and in the cluster alone, so that
 * going back to a former copy needs no memory of its password. Production's never arrive.
 */
import { createHmac, randomBytes } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { CredentialsSettings } from "../settings/credentials";
import { keptText } from "./stash";

/** What the Secret of the replica's own server has, each under its name. */
export interface Credentials {
    /** What every password is derived from. */
    key: string;
    /** The superuser's. */
    password: string;
    /** Those that the server may still expect of its superuser, one a line, the last one first. */
    former: string;
}

/** Passwords that a server can be behind by, while updates fail. */
const most = 5;

/**
 * The credentials, of which the key and what the server expects come from the cluster, if it has kept them: a server on a kept
 * volume knows no other.
 */
export function createCredentials(
    parent: pulumi.Resource,
    { rotate }: CredentialsSettings,
    kept: pulumi.Output<Credentials> | undefined,
): pulumi.Output<Credentials> {
    const first = kept?.key ?? pulumi.secret(randomBytes(24).toString("base64url"));
    const key = keptText("key", first, parent);
    return pulumi.all([key, kept]).apply(([text, before]) => credentialsFor(text, rotate, before));
}

/** What follows from a key. What the server may expect besides is what the cluster had last. */
export function credentialsFor(key: string, rotate: string | undefined, before: Credentials | undefined): Credentials {
    const password = derived(key, "superuser", rotate);
    const earlier = before === undefined ? [] : before.former.split("\n").filter((text) => text !== "");
    const former = before === undefined || before.password === password ? earlier : [before.password, ...earlier];
    return {
        key,
        password,
        former: former
            .filter((text) => text !== password)
            .slice(0, most)
            .join("\n"),
    };
}

/** A login role's password: another for each, so that a pod of one generation is a stranger to the next. */
export function loginPassword(key: string, role: string, rotate: string | undefined): string {
    return derived(key, role, rotate);
}

function derived(key: string, whose: string, rotate = ""): string {
    return createHmac("sha256", key).update(`${whose}\n${rotate}`).digest("base64url");
}
