import { isSet } from "./annotations";
import { isComplete } from "./await/job";
import { type Changes, changes, replacing, without } from "./changes";
import { fromState } from "./checkpoint";
import { type Fields, nameOf, namespaceOf, withMetadata } from "./fields";
import type { Log } from "./log";
import { isNamed } from "./naming";
import { normal, pruned } from "./normal";
import { reveal } from "./properties";
import { isNamespaced, kindOf, type Provider, type Request } from "./provider";
import { replacedFields } from "./replacement";

/** What a diff answers. */
export interface Difference {
    changes: Changes;
    replaces: string[];
    deleteBeforeReplace: boolean;
}

/** Compares the program's inputs with what the state knows of the live object. */
export async function diff(
    provider: Provider,
    { urn, log }: Request,
    olds: Fields,
    news: Fields,
    ignored: readonly string[],
): Promise<Difference> {
    const { options } = provider;
    const checkpoint = fromState(olds);
    const namespaced = await isNamespaced(provider, urn);
    const inputs = placed(normal(reveal(news)), namespaced);
    const former = placed(pruned(checkpoint.live, normal(checkpoint.inputs)), namespaced);
    const named = nameOf(inputs) === "" ? former : withMetadata(former, "name", nameOf(checkpoint.live));
    const fields = replacedFields(inputs, { configMaps: options.configMapMutable, secrets: options.secretMutable });
    const found = without(changes(named, inputs, fields), ignored);
    const replaces = replacing(found);
    if (isSet(inputs, "replaceUnready") && (await isUnready(provider, inputs, checkpoint.live, log)))
        replaces.push('.metadata.annotations["pulumi.com/replaceUnready"]');
    const deleteBeforeReplace =
        replaces.length > 0 &&
        isNamed(inputs) &&
        !isSet(inputs, "autonamed") &&
        nameOf(inputs) === nameOf(checkpoint.live) &&
        namespaceOf(inputs) === namespaceOf(checkpoint.live);
    return { changes: found, replaces, deleteBeforeReplace };
}

async function isUnready({ cluster }: Provider, inputs: Fields, live: Fields, log: Log): Promise<boolean> {
    if (cluster === undefined) log.say("warning", "Cluster is unreachable, skipping replaceUnready check");
    else if (inputs.kind !== "Job") log.say("warning", "replaceUnready annotation is not supported for this resource");
    else {
        const job = await cluster.get(kindOf(live), namespaceOf(live), nameOf(live)).catch(() => undefined);
        return job !== undefined && !isComplete(job);
    }
    return false;
}

/** The namespace as it is compared: `default` when none is given, none where there is no such thing. */
function placed(object: Fields, namespaced: boolean): Fields {
    return withMetadata(object, "namespace", namespaced ? namespaceOf(object) || "default" : undefined);
}
