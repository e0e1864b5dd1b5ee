import { setTimeout as sleep } from "node:timers/promises";
import { isSet } from "../annotations";
import { ApiError } from "../cluster";
import { at, type Fields, nameOf, namespaceOf, textAt } from "../fields";
import { showEvents } from "./events";
import { observe } from "./observe";
import { NotReady, type Situation } from "./wait";

/** Kinds whose deletion is not waited for when they say `skipAwait`. */
const skippable = [
    "apps/v1/DaemonSet",
    "apps/v1/Deployment",
    "apps/v1/StatefulSet",
    "batch/v1/Job",
    "v1/Namespace",
    "v1/Pod",
    "v1/ReplicationController",
];

/** Waits until a deleted object is gone; throws NotReady when it is still there at the end. */
export async function gone(situation: Situation, inputs: Fields): Promise<void> {
    const { cluster, live, log, timeoutSeconds, cancelled } = situation;
    const kind = { apiVersion: textAt(live, "apiVersion"), kind: textAt(live, "kind") };
    if (isSet(inputs, "skipAwait") && skippable.includes(`${kind.apiVersion}/${kind.kind}`)) {
        log.status("info", "Skipping await logic");
        return;
    }
    const exists = async () => {
        try {
            await cluster.get(kind, namespaceOf(live), nameOf(live));
            return true;
        } catch (error) {
            return !(error instanceof ApiError && error.code === 404);
        }
    };
    const stop = new AbortController();
    const end = AbortSignal.any([cancelled, AbortSignal.timeout(timeoutSeconds * 1000), stop.signal]);
    let last = live;
    showEvents(situation, end);
    observe(cluster, kind, namespaceOf(live), end, ({ type, object }) => {
        if (nameOf(object) !== nameOf(live)) return;
        if (type === "DELETED") stop.abort();
        else last = object;
    });
    // An object that goes before the watch has begun is never reported: now and then, it is asked for.
    while (!end.aborted) {
        if (!(await exists())) stop.abort();
        else await sleep(1000, undefined, { signal: end }).catch(() => undefined);
    }
    if (stop.signal.aborted || !(await exists())) return;
    const finalizers = at(last, "metadata", "finalizers");
    const names = Array.isArray(finalizers) ? finalizers.join(", ") : "";
    log.say("warning", `finalizers might be preventing deletion (${names})`);
    throw new NotReady("timed out waiting for the condition", last);
}
