import { createHmac, randomBytes } from "node:crypto";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { generationName } from "../contract";
import { labels, type Place } from "./labels";
import { userList } from "./pooler-configuration";
import { keptText } from "./stash";

/** Key of a login Secret under which a pooler finds the role and its password. */
export const userListKey = "userlist.txt";

/** The way into one generation of the database. */
export interface Login {
    /** Secret with the login role's password, key `password`; known before it is there. */
    secretName: string;
    secret: kubernetes.core.v1.Secret;
}

/**
 * The key that login passwords are derived from, and the superuser's password on the replica's own server: made once
 * and kept in the state, encrypted. What the cluster has kept comes first, because the server on a kept volume knows no
 * other.
 */
export function createPassword(
    parent: pulumi.Resource,
    kept: pulumi.Output<string> | undefined,
): pulumi.Output<string> {
    return keptText("password", kept ?? pulumi.secret(randomBytes(24).toString("base64url")), parent);
}

/** The Secret with the password of a generation's login role. */
export function createLogin(
    place: Place,
    database: string,
    generation: string,
    key: pulumi.Output<string>,
    options: pulumi.CustomResourceOptions,
): Login {
    const secretName = `login-${generation}`;
    const role = generationName(database, generation);
    const password = key.apply((text) => loginPassword(text, role));
    const secret = new kubernetes.core.v1.Secret(
        "login",
        {
            metadata: { name: secretName, namespace: place.namespace, labels: labels(place, "login") },
            stringData: { password, [userListKey]: password.apply((text) => userList(role, text)) },
        },
        options,
    );
    return { secretName, secret };
}

/**
 * A login role's password: derived, so that going back to a former generation needs no memory of it, and another for
 * each, so that a pod of one generation is a stranger to the next.
 */
export function loginPassword(key: string, role: string): string {
    return createHmac("sha256", key).update(role).digest("base64url");
}
