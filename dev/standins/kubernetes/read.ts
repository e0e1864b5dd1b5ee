import { readyNow } from "./await/ready";
import { NotReady } from "./await/wait";
import { fromState, toState } from "./checkpoint";
import { ApiError, UnknownKind } from "./cluster";
import { type Fields, isFields, namespaceOf, withMetadata } from "./fields";
import { fieldManager } from "./managers";
import { normal, pruned } from "./normal";
import { reveal, secretLike } from "./properties";
import { kindOf, kindOfUrn, PartlyDone, type Provider, type Request, situation } from "./provider";

/** Reads the live object for a refresh or an import; undefined when it is gone. */
export async function read(provider: Provider, request: Request, id: string, state: Fields, given: Fields) {
    const { urn } = request;
    const { cluster } = provider;
    if (cluster === undefined) return readUnreachable(provider, request, id, state, given);
    const name = id.split("/").at(-1) ?? "";
    const old = fromState(state);
    const inputs = normal(reveal(given));
    const imported = inputs.kind === undefined && old.live.kind === undefined;
    const kind = inputs.kind === undefined ? kindOfUrn(urn) : kindOf(inputs);
    const namespace = namespaceOf(inputs) || (id.includes("/") ? (id.split("/")[0] ?? "") : "");
    let live: Fields;
    try {
        live = await cluster.get(kind, namespace, name);
    } catch (error) {
        if (error instanceof UnknownKind || (error instanceof ApiError && error.code === 404)) return undefined;
        throw error;
    }
    const liveInputs = imported ? importedInputs(live) : pruned(live, inputs);
    const manager = fieldManager(inputs, old.fieldManager);
    const result = () => ({
        id,
        state: toState(
            { inputs: liveInputs, live, fieldManager: manager, apiVersion: old.apiVersion || kind.apiVersion },
            given,
        ),
        inputs: secretLike(liveInputs, given),
    });
    if (imported) return result();
    try {
        await readyNow(situation(provider, request, live, undefined, 0), inputs);
    } catch (error) {
        if (!(error instanceof NotReady)) throw error;
        live = error.live;
        const { state: seen, inputs: seenInputs } = result();
        throw new PartlyDone(error.message, id, seen, [error.message, ...error.reasons], seenInputs);
    }
    return result();
}

function readUnreachable(
    { options, unreachable }: Provider,
    { log }: Request,
    id: string,
    state: Fields,
    inputs: Fields,
) {
    log.say("warning", `configured Kubernetes cluster is unreachable: ${unreachable}`);
    if (options.deleteUnreachable) return undefined;
    if (options.skipUpdateUnreachable) return { id, state, inputs };
    throw new Error(
        "failed to read resource state due to unreachable cluster. If the cluster was deleted, you can remove this resource " +
            'from Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"',
    );
}

/** What an imported object's inputs would have been: everything but what the server alone writes. */
function importedInputs(live: Fields): Fields {
    const { status: _status, ...inputs } = normal(live);
    const annotations = isFields(inputs.metadata) ? inputs.metadata.annotations : undefined;
    if (!isFields(annotations)) return inputs;
    const own = ["deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"];
    const kept = Object.entries(annotations).filter(([key]) => !own.includes(key));
    return withMetadata(inputs, "annotations", Object.fromEntries(kept));
}
