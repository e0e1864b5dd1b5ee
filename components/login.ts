import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { generationName } from "../contract";
import type { CredentialsSettings } from "../settings/credentials";
import { type Credentials, loginPassword } from "./credentials";
import { digest } from "./digest";
import { labels, type Place } from "./labels";
import { userList } from "./pooler-configuration";

/** Key of a login Secret under which a pooler finds the role and its password. */
export const userListKey = "userlist.txt";

/** Secret with the password of a generation's login role, key `password`. Another password has another name: whoever uses it is replaced. */
export function loginSecretName(generation: string, { rotate }: CredentialsSettings): string {
    return rotate === undefined ? `login-${generation}` : `login-${generation}-${digest({ rotate })}`;
}

/** The Secret of {@link loginSecretName}. */
export function createLogin(
    place: Place,
    database: string,
    generation: string,
    credentials: pulumi.Output<Credentials>,
    rotation: CredentialsSettings,
    options: pulumi.CustomResourceOptions,
): kubernetes.core.v1.Secret {
    const role = generationName(database, generation);
    const password = credentials.key.apply((key) => loginPassword(key, role, rotation.rotate));
    return new kubernetes.core.v1.Secret(
        "login",
        {
            metadata: {
                name: loginSecretName(generation, rotation),
                namespace: place.namespace,
                labels: labels(place, "login"),
            },
            stringData: { password, [userListKey]: password.apply((text) => userList(role, text)) },
        },
        options,
    );
}
