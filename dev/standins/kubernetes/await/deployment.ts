import { at, type Fields, isOwnedBy, listAt, nameOf, numberAt, textAt } from "../fields";
import { podKind, podProblems } from "./pod";
import { isAbout, type Message, type Readiness, type Situation, uidOf } from "./wait";

const claimKind = { apiVersion: "v1", kind: "PersistentVolumeClaim" };
const replicaSetKind = { apiVersion: "apps/v1", kind: "ReplicaSet" };

/** Waits until a Deployment's newest replica set is available and its claims are bound. */
export function deploymentReadiness({ live, log }: Situation): Readiness {
    const replicaSets = new Map<string, Fields>();
    const pods = new Map<string, Fields>();
    const claims = new Map<string, Fields>();
    let deployment = live;
    /** The controller has seen the specification that is awaited; before, its status is about another one. */
    let reconciled = false;

    const condition = (type: string) => listAt(deployment, "status", "conditions").find((each) => each.type === type);
    const newest = () => replicaSets.get(revision(deployment));
    const isAvailable = () => condition("Available")?.status === "True";
    const isRolledOut = () => {
        const progressing = condition("Progressing");
        return progressing?.status === "True" && progressing.reason === "NewReplicaSetAvailable";
    };
    const isNewestReady = () => {
        const replicaSet = newest();
        if (replicaSet === undefined || revision(deployment) === "") return false;
        const wanted = at(replicaSet, "spec", "replicas") ?? 1;
        return numberAt(replicaSet, "status", "readyReplicas") >= Number(wanted);
    };
    const unbound = () => [...claims.values()].filter((claim) => textAt(claim, "status", "phase") !== "Bound");
    const isFirst = () => revision(deployment) === "1";
    const podMessages = () =>
        [...pods.values()].filter((pod) => isOwnedBy(pod, uidOf(newest() ?? {}))).flatMap(podProblems);

    return {
        kinds: [{ apiVersion: "apps/v1", kind: "Deployment" }, replicaSetKind, podKind, claimKind],
        get live() {
            return deployment;
        },
        observe({ type, object }) {
            const kept = type !== "DELETED";
            if (isAbout({ type, object }, live)) {
                if (!kept || numberAt(object, "metadata", "generation") < numberAt(live, "metadata", "generation"))
                    return;
                deployment = object;
                reconciled ||=
                    numberAt(object, "metadata", "generation") === numberAt(object, "status", "observedGeneration");
                for (const { severity, text } of conditionMessages(deployment)) log.status(severity, text);
            } else if (object.kind === "ReplicaSet" && isOwnedBy(object, uidOf(live))) {
                remember(replicaSets, revision(object), object, kept);
                const wanted = at(object, "spec", "replicas") ?? 1;
                if (object === newest() && !isNewestReady())
                    log.status("info", available(numberAt(object, "status", "readyReplicas"), Number(wanted)));
            } else if (object.kind === "Pod") remember(pods, nameOf(object), object, kept);
            else if (object.kind === "PersistentVolumeClaim" && isMounted(deployment, nameOf(object)))
                remember(claims, uidOf(object), object, kept);
        },
        ready() {
            const done =
                reconciled &&
                isAvailable() &&
                (isFirst() || isRolledOut()) &&
                isNewestReady() &&
                unbound().length === 0;
            if (done) log.status("info", "✅ Deployment initialization complete");
            return done;
        },
        reasons() {
            const reasons = conditionMessages(deployment).map(({ text }) => text);
            const missing = unbound().map(nameOf).join(",");
            if (missing !== "") reasons.push(`Failed to bind PersistentVolumeClaim(s): ${JSON.stringify(missing)}`);
            if (!isAvailable()) reasons.push("Minimum number of live Pods was not attained");
            else if (isFirst() ? !isNewestReady() : !isRolledOut())
                reasons.push("Minimum number of Pods to consider the application live was not attained");
            else if (!isNewestReady())
                reasons.push(
                    "Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live",
                );
            return [...reasons, ...podMessages().map(({ text }) => text)];
        },
        progress: podMessages,
    };
}

const revision = (object: Fields) => textAt(object, "metadata", "annotations", "deployment.kubernetes.io/revision");

const available = (ready: number, wanted: number) =>
    `Waiting for app ReplicaSet to be available (${ready}/${wanted} Pods available)`;

/** What the conditions say against the Deployment. */
function conditionMessages(deployment: Fields): Message[] {
    return listAt(deployment, "status", "conditions")
        .filter(({ type, status }) => (type === "Progressing" || type === "Available") && status !== "True")
        .map(({ reason, message }) => ({ severity: "warning", text: `[${reason}] ${message}` }));
}

function isMounted(deployment: Fields, claim: string): boolean {
    const volumes = listAt(deployment, "spec", "template", "spec", "volumes");
    return volumes.some((volume) => textAt(volume, "persistentVolumeClaim", "claimName") === claim);
}

function remember(objects: Map<string, Fields>, key: string, object: Fields, kept: boolean): void {
    if (kept) objects.set(key, object);
    else objects.delete(key);
}
