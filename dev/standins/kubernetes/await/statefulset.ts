import { type Fields, isOwnedBy, nameOf, numberAt, textAt } from "../fields";
import { podKind, podProblems } from "./pod";
import { isAbout, type Readiness, type Situation, uidOf } from "./wait";

/** Waits until all of a StatefulSet's pods are ready and run its newest revision. */
export function statefulSetReadiness({ live, log }: Situation): Readiness {
    const pods = new Map<string, Fields>();
    let set = live;

    const status = (name: string) => numberAt(set, "status", name);
    const isObserved = () => status("observedGeneration") >= numberAt(set, "metadata", "generation");
    const current = () => textAt(set, "status", "currentRevision");
    const target = () => textAt(set, "status", "updateRevision");
    const wanted = () => (isObserved() ? numberAt(set, "spec", "replicas") : 0);
    /** With the strategy OnDelete, pods of the former revision are as good as new ones. */
    const byHand = () =>
        numberAt(set, "metadata", "generation") > 1 && textAt(set, "spec", "updateStrategy", "type") === "OnDelete";
    const isRevised = () => isObserved() && (byHand() || (current() !== "" && current() === target()));
    const isStaffed = () =>
        isObserved() &&
        ["replicas", "readyReplicas", ...(byHand() ? [] : ["currentReplicas"])].every(
            (name) => status(name) === wanted(),
        );
    const readyPods = () => {
        if (!isObserved()) return 0;
        return isRevised() ? status("readyReplicas") : Math.min(status("readyReplicas"), status("updatedReplicas"));
    };
    const podMessages = () => [...pods.values()].filter((pod) => isOwnedBy(pod, uidOf(live))).flatMap(podProblems);

    return {
        kinds: [{ apiVersion: "apps/v1", kind: "StatefulSet" }, podKind],
        get live() {
            return set;
        },
        observe({ type, object }) {
            if (isAbout({ type, object }, live)) {
                if (
                    type === "DELETED" ||
                    numberAt(object, "metadata", "generation") < numberAt(live, "metadata", "generation")
                )
                    return;
                set = object;
                const first = numberAt(set, "metadata", "generation") <= 1;
                const counts = `(${readyPods()}/${wanted()} Pods ready)`;
                if (first) log.status("info", `[1/2] Waiting for StatefulSet to create Pods ${counts}`);
                else if (!isStaffed()) log.status("info", `[1/3] Waiting for StatefulSet update to roll out ${counts}`);
                else if (!isRevised())
                    log.status("info", "[2/3] Waiting for StatefulSet to update .status.currentRevision");
            } else if (object.kind === "Pod") {
                if (type === "DELETED") pods.delete(nameOf(object));
                else pods.set(nameOf(object), object);
            }
        },
        ready() {
            const done = isStaffed() && isRevised();
            if (done) log.status("info", "✅ StatefulSet initialization complete");
            return done;
        },
        reasons() {
            const reasons: string[] = [];
            if (!isStaffed()) reasons.push(`${readyPods()} out of ${wanted()} replicas succeeded readiness checks`);
            if (!isRevised()) {
                const [from, to] = [JSON.stringify(current()), JSON.stringify(target())];
                reasons.push(`StatefulSet controller failed to advance from revision ${from} to revision ${to}`);
            }
            return [...reasons, ...podMessages().map(({ text }) => text)];
        },
        progress: podMessages,
    };
}
