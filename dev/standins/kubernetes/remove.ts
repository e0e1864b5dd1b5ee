import { propagationPolicy, timeoutSeconds } from "./annotations";
import { gone } from "./await/gone";
import { NotReady } from "./await/wait";
import { fromState, toState } from "./checkpoint";
import { ApiError, UnknownKind } from "./cluster";
import { type Fields, idOf } from "./fields";
import { PartlyDone, type Provider, type Request, situation } from "./provider";

/** Deletes the object and waits until it is gone; one that is gone already is no error. */
export async function remove(
    provider: Provider,
    request: Request,
    id: string,
    state: Fields,
    timeout: number,
): Promise<void> {
    const { cluster, options, unreachable } = provider;
    const old = fromState(state);
    if (cluster === undefined) {
        request.log.say("warning", `configured Kubernetes cluster is unreachable: ${unreachable}`);
        if (options.deleteUnreachable) return;
        throw new Error(
            "configured Kubernetes cluster is unreachable. If the cluster was deleted, you can remove this resource from " +
                'Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"',
        );
    }
    try {
        await cluster.delete(old.live, id.split("/").at(-1) ?? "", propagationPolicy(old.inputs));
    } catch (error) {
        if (error instanceof UnknownKind || (error instanceof ApiError && error.code === 404)) return;
        throw error;
    }
    try {
        await gone(situation(provider, request, old.live, undefined, timeoutSeconds(timeout, old.inputs)), old.inputs);
        request.log.clear();
    } catch (error) {
        if (!(error instanceof NotReady)) throw error;
        const left = toState({ ...old, inputs: old.live, live: error.live }, state);
        throw new PartlyDone(error.message, idOf(error.live), left, [error.message, ...error.reasons]);
    }
}
