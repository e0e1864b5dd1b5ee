/** What the masking file comes to, for the agent and for the cluster. */
import { createHmac } from "node:crypto";
import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { generationId } from "../contract";
import type { MaskingPlan } from "../contract/masking";
import type { Settings } from "../settings";
import { folders } from "./agent";
import { labels, type Place } from "./labels";

/** Secret with the key of masked values, key `key`. */
export const maskingSecret = "masking";

/** What the agent is told; undefined if nothing is masked. `folder` has the key. */
export function maskingPlanOf(
    { masking }: Pick<Settings, "masking">,
    folder: string = folders.masking,
): MaskingPlan | undefined {
    return masking && { ...masking, keyFile: `${folder}/key` };
}

/** The rules as a diff shows them: others have another id, and make another copy. */
export function reasonsOfMasking({ masking }: Pick<Settings, "masking">): { masking?: string } {
    return masking === undefined
        ? {}
        : {
              masking: generationId({
                  databases: JSON.stringify(masking.databases),
                  forbidden: masking.forbidden.join("\n"),
              }),
          };
}

/** The key of masked values, out of the stack's own. */
export function maskingKey(key: string): string {
    return createHmac("sha256", key).update("masking").digest("base64url");
}

/** The Secret with the key: derived from the stack's own, so that a person is the same one in every copy of the stack. */
export function createMaskingKey(
    place: Place,
    key: pulumi.Output<string>,
    options: pulumi.CustomResourceOptions,
): kubernetes.core.v1.Secret {
    return new kubernetes.core.v1.Secret(
        "masking",
        {
            metadata: { name: maskingSecret, namespace: place.namespace, labels: labels(place, "masking") },
            stringData: { key: key.apply(maskingKey) },
        },
        options,
    );
}
