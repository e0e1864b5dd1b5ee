import { setTimeout as sleep } from "node:timers/promises";
import { isSet } from "./annotations";
import { ApiError, type Cluster, UnknownKind } from "./cluster";
import { type Fields, nameOf, withMetadata } from "./fields";
import type { Log } from "./log";
import { creator, handedOver, isCreatedByUpdate } from "./managers";
import { uniqueName } from "./naming";

/** How an object is made or changed. */
export interface Manner {
    manager: string;
    /** Only tried: nothing is changed. */
    dryRun: boolean;
    /** An object that exists already is taken over instead of refused. */
    upsert: boolean;
    /** Fields are taken from other managers. */
    force: boolean;
}

/** The namespace of a previewed object is not there yet, so that nothing can be tried. */
export class MissingNamespace extends Error {}

const tries = 6;

/**
 * Makes the object. What it needs may be on its way, so a missing namespace or kind is waited for, about a minute in
 * all. Throws {@link MissingNamespace} in a preview, and the API server's refusal otherwise.
 */
export async function make(cluster: Cluster, inputs: Fields, manner: Manner, log: Log): Promise<Fields> {
    for (let attempt = 0; ; attempt++) {
        try {
            const made = await makeOnce(cluster, inputs, manner, log);
            log.clear();
            return made;
        } catch (error) {
            if (manner.dryRun && isMissingNamespace(error)) throw new MissingNamespace(message(error));
            log.status("info", `Retry #${attempt}; creation failed: ${message(error)}`);
            if (!mayPass(error) || attempt === tries - 1) throw explained(error, nameOf(inputs));
            await sleep(1000 * 2 ** attempt, undefined, { signal: cluster.stopped });
        }
    }
}

/** Changes a live object into what the inputs say, by server-side apply. */
export async function change(cluster: Cluster, live: Fields, inputs: Fields, manner: Manner): Promise<Fields> {
    const { manager, dryRun } = manner;
    const managedFields = dryRun ? undefined : handedOver(live, manager);
    if (managedFields !== undefined) await cluster.setManagedFields(live, managedFields);
    const force = manner.force || isSet(inputs, "patchForce") || (dryRun && isCreatedByUpdate(live));
    return apply(cluster, withMetadata(inputs, "name", nameOf(live)), { ...manner, force });
}

async function makeOnce(cluster: Cluster, inputs: Fields, manner: Manner, log: Log): Promise<Fields> {
    const { dryRun } = manner;
    if (!manner.upsert) return cluster.create(inputs, { fieldManager: creator, dryRun });
    const force = manner.force || dryRun || isSet(inputs, "patchForce");
    try {
        return await apply(cluster, inputs, { ...manner, force });
    } catch (error) {
        const immutable =
            error instanceof ApiError && error.reason === "Invalid" && error.message.includes("field is immutable");
        if (!dryRun || !immutable) throw error;
        // The real object will have been deleted by then; a dry run needs another name to say the same.
        const name = uniqueName(nameOf(inputs)).slice(0, -3);
        log.say("info", `Preview creation failed due to immutable fields; retrying with name ${JSON.stringify(name)}`);
        return apply(cluster, withMetadata(inputs, "name", name), { ...manner, force });
    }
}

async function apply(cluster: Cluster, inputs: Fields, { manager, dryRun, force }: Manner): Promise<Fields> {
    try {
        return await cluster.apply(inputs, { fieldManager: manager, dryRun, force });
    } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 409) throw error;
        throw new Error(
            "server-side apply field conflict detected, see https://www.pulumi.com/registry/packages/kubernetes/" +
                "how-to-guides/managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources " +
                `for troubleshooting help\nThe resource managed by field manager ${JSON.stringify(manager)} had an apply ` +
                `conflict: ${error.message}`,
        );
    }
}

function explained(error: unknown, name: string): unknown {
    if (!(error instanceof ApiError) || error.reason !== "AlreadyExists") return error;
    const advice =
        `To keep it as it is, choose another name than ${JSON.stringify(name)}. To take it over, \`pulumi import\` it, or set ` +
        "`upsertExistingObjects` on the provider. If a resource of this stack was renamed, give it an alias.";
    return new ApiError({ ...error.status, message: `${error.message}\n\n${advice}` }, error.code);
}

function mayPass(error: unknown): boolean {
    return error instanceof UnknownKind || (error instanceof ApiError && error.code === 404);
}

function isMissingNamespace(error: unknown): boolean {
    if (!(error instanceof ApiError) || error.code !== 404) return false;
    const { details } = error.status;
    return typeof details === "object" && details !== null && "kind" in details && details.kind === "namespaces";
}

const message = (error: unknown) => (error instanceof Error ? error.message : String(error));
