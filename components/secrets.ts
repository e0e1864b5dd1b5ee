import { randomBytes } from "node:crypto";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { applicationName } from "./address";
import { labels, type Place } from "./labels";
import { keptText } from "./stash";

/** Name of the Secret with the application's random values, each under the name of its variable. */
export const applicationSecret = applicationName;

/**
 * The Secret with the application's random values: 32 random bytes each, as base64url. Each is kept for itself, so
 * that a name that is added or removed leaves the others as they are.
 *
 * @param names names of the variables
 */
export function createSecrets(
    name: string,
    place: Place,
    names: string[],
    parent: pulumi.Resource,
): kubernetes.core.v1.Secret {
    const values = names.map((variable) => {
        const first = pulumi.secret(randomBytes(32).toString("base64url"));
        return [variable, keptText(`${name}-${variable}`, first, parent)] as const;
    });
    return new kubernetes.core.v1.Secret(
        name,
        {
            metadata: { name: applicationSecret, namespace: place.namespace, labels: labels(place, applicationName) },
            stringData: Object.fromEntries(values),
        },
        { parent },
    );
}
