import { annotation, isSet } from "../annotations";
import { type Fields, textAt } from "../fields";
import { deploymentReadiness } from "./deployment";
import { showEvents } from "./events";
import { ingressReadiness } from "./ingress";
import { jobReadiness } from "./job";
import { podReadiness } from "./pod";
import { claimReady, quotaReady, secretReady, volumeReady } from "./poll";
import { serviceReadiness } from "./service";
import { statefulSetReadiness } from "./statefulset";
import { now, type Readiness, type Situation, until } from "./wait";

/** Kinds that are followed until they are ready, and read again by a refresh. */
const followed: Readonly<Record<string, (situation: Situation, settling?: number) => Readiness>> = {
    "apps/v1/Deployment": deploymentReadiness,
    "apps/v1/StatefulSet": statefulSetReadiness,
    "batch/v1/Job": jobReadiness,
    "networking.k8s.io/v1/Ingress": ingressReadiness,
    "v1/Pod": podReadiness,
    "v1/Service": serviceReadiness,
};

/** Kinds that are asked for until they are ready. */
const polled: Readonly<Record<string, (situation: Situation) => Promise<Fields>>> = {
    "v1/PersistentVolume": volumeReady,
    "v1/PersistentVolumeClaim": claimReady,
    "v1/ResourceQuota": quotaReady,
    "v1/Secret": secretReady,
};

/** Waits until the object is ready in its kind's own sense; kinds without one are ready at once. */
export async function ready(situation: Situation, inputs: Fields): Promise<Fields> {
    const { live, log } = situation;
    if (isSet(inputs, "skipAwait")) {
        log.status("info", "Skipping await logic");
        return live;
    }
    if (annotation(live, "waitFor") !== "")
        throw new Error(
            "the stand-in does not know pulumi.com/waitFor: remove the annotation or install the real plugin",
        );
    const follow = followed[kindOf(live)];
    const poll = polled[kindOf(live)];
    if (follow === undefined && poll === undefined) return live;
    const stop = new AbortController();
    showEvents(situation, stop.signal);
    try {
        return await (follow !== undefined ? until(situation, follow(situation)) : (poll?.(situation) ?? live));
    } finally {
        stop.abort();
    }
}

/** Throws NotReady when a refresh finds the object not ready. */
export async function readyNow(situation: Situation, inputs: Fields): Promise<void> {
    const follow = followed[kindOf(situation.live)];
    if (follow !== undefined && !isSet(inputs, "skipAwait")) await now(situation, follow(situation, 0));
}

const kindOf = (object: Fields) => `${textAt(object, "apiVersion")}/${textAt(object, "kind")}`;
