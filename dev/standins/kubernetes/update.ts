import { timeoutSeconds } from "./annotations";
import { ready } from "./await/ready";
import { type Checkpoint, fromState, toState } from "./checkpoint";
import { ApiError } from "./cluster";
import { type Fields, idOf, nameOf, namespaceOf } from "./fields";
import { fieldManager } from "./managers";
import { normal } from "./normal";
import { change } from "./objects";
import { holdsUnknown, reveal } from "./properties";
import { kindOf, PartlyDone, type Provider, type Request, reachable, reasons, situation, text } from "./provider";

/** Changes the object in place and waits until it is ready; a preview tries it without changing anything. */
export async function update(
    provider: Provider,
    request: Request,
    olds: Fields,
    news: Fields,
    preview: boolean,
    timeout: number,
): Promise<Fields> {
    const { urn, log } = request;
    if (!preview) reachable(provider);
    const inputs = normal(reveal(news));
    const { cluster, options } = provider;
    if (cluster === undefined || (preview && (holdsUnknown(inputs) || !(await cluster.knows(kindOf(inputs))))))
        return news;
    const old = fromState(olds);
    const manager = fieldManager(inputs, old.fieldManager);
    const checkpoint = (live: Fields): Checkpoint => ({ ...old, inputs, live, fieldManager: manager });
    const lookUp = () => cluster.get(kindOf(inputs), namespaceOf(old.live), nameOf(old.live));
    try {
        const former = await lookUp();
        const manner = { manager, dryRun: preview, upsert: true, force: options.force };
        const changed = await change(cluster, former, inputs, manner);
        if (preview) return toState(checkpoint(changed), news);
        const live = await ready(
            situation(provider, request, changed, former, timeoutSeconds(timeout, inputs)),
            inputs,
        );
        log.clear();
        return toState(checkpoint(live), news);
    } catch (error) {
        if (preview && error instanceof ApiError && error.code === 403) return news;
        const live = await lookUp().catch((failure: unknown) => {
            throw new Error(
                `update of resource ${JSON.stringify(urn)} failed: ${text(error)}\nunable to get cluster state: ${text(failure)}`,
            );
        });
        const message =
            `the Kubernetes API server reported that ${JSON.stringify(idOf(live))} failed to fully initialize or become ` +
            `live: ${text(error)}`;
        throw new PartlyDone(message, idOf(live), toState(checkpoint(live), news), [message, ...reasons(error)]);
    }
}
