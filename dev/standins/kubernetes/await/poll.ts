import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Kind } from "../cluster";
import { at, type Fields, isFields, nameOf, namespaceOf, textAt } from "../fields";
import { NotReady, type Situation } from "./wait";

/**
 * Asks for the object twice a second until `isReady`. The limit is the provider's own: neither `customTimeouts` nor the
 * timeout annotation changes it.
 */
async function poll(
    { cluster, live, cancelled }: Situation,
    limitSeconds: number,
    isReady: (object: Fields) => boolean | Promise<boolean>,
): Promise<Fields> {
    const end = Date.now() + limitSeconds * 1000;
    let object = live;
    while (Date.now() < end) {
        if (cancelled.aborted) throw new NotReady(`Resource operation was cancelled for '${nameOf(live)}'`, object);
        object = await cluster.get(kindOf(live), namespaceOf(live), nameOf(live));
        if (await isReady(object)) return object;
        await sleep(500, undefined, { signal: cancelled }).catch(() => undefined);
    }
    throw new NotReady(`Timeout occurred polling for '${nameOf(live)}'`, object);
}

/** Waits up to five minutes for a PersistentVolume to be available or bound. */
export function volumeReady(situation: Situation): Promise<Fields> {
    const phases: Record<string, string> = { Available: "✅ PV marked available", Bound: "✅ PV has been bound" };
    return poll(situation, 300, (volume) => {
        const words = phases[textAt(volume, "status", "phase")];
        if (words !== undefined) situation.log.status("info", words);
        return words !== undefined;
    });
}

/**
 * Waits up to five minutes for a claim to be bound. A new claim whose class binds at first use only has to be pending,
 * so one that is bound already (a kept claim that is adopted) is waited for in vain unless it says `skipAwait`.
 */
export function claimReady(situation: Situation): Promise<Fields> {
    let mode = "";
    return poll(situation, 300, async (claim) => {
        if (mode === "") mode = await bindingMode(situation, claim);
        const phase = textAt(claim, "status", "phase");
        if (situation.former !== undefined && phase === "Bound") return true;
        return phase === (mode === "WaitForFirstConsumer" ? "Pending" : "Bound");
    });
}

/** Waits up to a minute until the quota's controller has taken its limits in. */
export function quotaReady(situation: Situation): Promise<Fields> {
    return poll(situation, 60, (quota) => {
        const hard = at(quota, "spec", "hard");
        return isFields(hard) && isDeepStrictEqual(hard, at(quota, "status", "hard"));
    });
}

/** Waits five seconds for the token of a service account's Secret; other Secrets are ready as they are. */
export function secretReady(situation: Situation): Promise<Fields> {
    if (situation.live.type !== "kubernetes.io/service-account-token") return Promise.resolve(situation.live);
    return poll(situation, 5, (secret) => isFields(secret.data) && Object.keys(secret.data).length > 0);
}

async function bindingMode({ cluster, log }: Situation, claim: Fields): Promise<string> {
    const name = textAt(claim, "spec", "storageClassName");
    if (name === "") {
        log.status("warning", `no storage class found for ${JSON.stringify(nameOf(claim))}`);
        return "";
    }
    try {
        const kind = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass" };
        return textAt(await cluster.get(kind, "", name), "volumeBindingMode");
    } catch (error) {
        log.status(
            "warning",
            `storage class ${JSON.stringify(name)}: ${error instanceof Error ? error.message : error}`,
        );
        return "";
    }
}

function kindOf(object: Fields): Kind {
    return { apiVersion: textAt(object, "apiVersion"), kind: textAt(object, "kind") };
}
