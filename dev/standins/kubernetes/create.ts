import { timeoutSeconds } from "./annotations";
import { ready } from "./await/ready";
import { NotReady } from "./await/wait";
import { toState } from "./checkpoint";
import { ApiError } from "./cluster";
import { type Fields, idOf } from "./fields";
import { fieldManager } from "./managers";
import { MissingNamespace, make } from "./objects";
import { holdsUnknown, reveal } from "./properties";
import { kindOf, PartlyDone, type Provider, type Request, reachable, reasons, situation, text } from "./provider";

/** Makes the object and waits until it is ready; a preview tries it without making anything. */
export async function create(
    provider: Provider,
    request: Request,
    properties: Fields,
    preview: boolean,
    timeout: number,
) {
    const { urn, log } = request;
    if (!preview) reachable(provider);
    const inputs = reveal(properties);
    const { cluster, options } = provider;
    const kind = kindOf(inputs);
    if (cluster === undefined || (preview && (holdsUnknown(inputs) || !(await cluster.knows(kind)))))
        return { id: "", state: properties };
    const manager = fieldManager(inputs, "");
    const checkpoint = (live: Fields) => ({ inputs, live, fieldManager: manager, apiVersion: kind.apiVersion });
    let made: Fields;
    try {
        made = await make(
            cluster,
            inputs,
            { manager, dryRun: preview, upsert: options.upsert, force: options.force },
            log,
        );
    } catch (error) {
        if (preview && cannotBeTried(error)) return { id: "", state: properties };
        throw new Error(
            `resource ${JSON.stringify(urn)} was not successfully created by the Kubernetes API server: ${text(error)}`,
        );
    }
    if (preview) {
        const { status: _status, ...live } = made;
        return { id: "", state: toState(checkpoint(live), properties) };
    }
    try {
        const live = await ready(
            situation(provider, request, made, undefined, timeoutSeconds(timeout, inputs)),
            inputs,
        );
        log.clear();
        return { id: idOf(live), state: toState(checkpoint(live), properties) };
    } catch (error) {
        const live = error instanceof NotReady ? error.live : made;
        const message =
            `resource ${JSON.stringify(urn)} was successfully created, but the Kubernetes API server reported that it failed ` +
            `to fully initialize or become live: ${text(error)}`;
        throw new PartlyDone(message, idOf(live), toState(checkpoint(live), properties), [message, ...reasons(error)]);
    }
}

function cannotBeTried(error: unknown): boolean {
    if (error instanceof MissingNamespace) return true;
    if (!(error instanceof ApiError)) return false;
    return error.code === 403 || error.reason === "AlreadyExists" || error.message.includes("does not support dry run");
}
