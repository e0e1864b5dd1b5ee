/**
 * What has to be known before the first resource is registered: whether the target namespace may be used at all,
 * whether production runs the tag that its data is refreshed under, whether volumes would be lost, and the password that
 * a kept database volume still expects. Reads only.
 */
import * as pulumi from "@pulumi/pulumi";
import type { Credentials } from "./components/credentials";
import { awaited } from "./components/generations";
import { labelValue, stackLabel } from "./components/labels";
import { catalogueConfigMap } from "./contract/manifest";
import { announceObjections } from "./preflight/announcement";
import { backupObjections } from "./preflight/backup";
import { exposureObjections, exposureWarnings } from "./preflight/exposure";
import { fenceObjections, volumeFences } from "./preflight/fences";
import { goneWarnings } from "./preflight/gone";
import { isInTheWay, leaseObjection } from "./preflight/lease";
import { tagMismatch, unknownTag } from "./preflight/parity";
import { volumeObjections } from "./preflight/volumes";
import { Refusal } from "./refusal";
import type { Settings } from "./settings";
import { look, type Sighting } from "./sighting";

/** What the program needs of it. */
export interface Preflight {
    /** What the cluster has of the replica's credentials: a kept database volume still expects its password. */
    keptCredentials?: pulumi.Output<Credentials>;
    /** What was seen; absent if a preview could not look. */
    sighting?: Sighting;
}

/** Annotation on the target namespace with which anyone can hold a replica: `<who>: <why>`. */
export const holdAnnotation = "understudy/hold";

/**
 * Looks at the target and at production before anything is registered.
 *
 * @param wiping whether the replica is to be removed, which only the target has a say in
 * @throws {Refusal} with a sentence for everything that speaks against using the target, or when a cluster cannot be
 * reached whose answer an update needs. A preview goes on without it and says what it could not check.
 */
export async function preflight(settings: Settings, stack: string, wiping = false): Promise<Preflight> {
    const preview = pulumi.runtime.isDryRun();
    let sighting: Sighting;
    try {
        sighting = await look(settings);
    } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (preview) {
            await pulumi.log.warn(`${reason}. The target namespace was not checked; an update will refuse to go on.`);
            return {};
        }
        throw new Refusal(`${reason}. Nothing was changed.`);
    }
    const problems = wiping
        ? wipeObjections(settings, stack, sighting)
        : [
              ...objections(settings, stack, sighting),
              // In an update the Job itself speaks against a backup.
              ...(preview ? backupObjections(settings, sighting) : updateObjections(settings, stack, sighting)),
          ];
    if (problems.length > 0) {
        throw new Refusal(problems.map((problem) => `${problem} Nothing was changed.`).join("\n"));
    }
    if (!wiping) {
        await warn(settings, stack, sighting);
    }
    const { credentials } = sighting;
    return { sighting, ...(credentials !== undefined && { keptCredentials: pulumi.secret(credentials) }) };
}

/** Says what does not speak against an update, and may still surprise. */
async function warn(settings: Settings, stack: string, sighting: Sighting): Promise<void> {
    if (sighting.unseen !== undefined) {
        const later = unknownTag(settings, sighting) === undefined ? "" : "; an update will refuse to go on";
        await pulumi.log.warn(
            `${sighting.unseen}. Neither production's tag was compared, nor the target with its namespace${later}.`,
        );
    }
    for (const warning of [...goneWarnings(settings, stack, sighting), ...exposureWarnings(sighting)]) {
        await pulumi.log.warn(warning);
    }
    const mismatch = tagMismatch(settings, sighting);
    if (mismatch !== undefined) {
        await pulumi.log.warn(`${mismatch} Allowed: ${settings.allowTagMismatch}.`);
    }
}

/** Everything that speaks against an update, one sentence each: what was seen, and what had to be seen but was not. */
export function refusals(settings: Settings, stack: string, sighting: Sighting): string[] {
    return [
        ...objections(settings, stack, sighting),
        ...backupObjections(settings, sighting),
        ...updateObjections(settings, stack, sighting),
    ];
}

/** What speaks against a wipe: whose the target is, and who is at work on it. What would be made of it does not matter. */
export function wipeObjections(settings: Settings, stack: string, sighting: Sighting): string[] {
    return [
        ...targetObjections(settings, stack, sighting),
        ...volumeFences(settings, sighting),
        ...inUse(settings, sighting),
    ];
}

/** What speaks against an update at this moment, and leaves a preview alone. */
export function updateObjections(settings: Settings, stack: string, sighting: Sighting, now = Date.now()): string[] {
    return [
        ...inUse(settings, sighting, now),
        ...announceObjections(settings, stack, sighting, now),
        ...unseen(settings, sighting),
    ];
}

/** Whose run is changing the target. */
function inUse({ target }: Settings, { lease }: Sighting, now = Date.now()): string[] {
    return lease !== undefined && isInTheWay(lease, now) ? [leaseObjection(target.namespace, lease)] : [];
}

/** What had to be seen for an update, and was not. */
function unseen(settings: Settings, sighting: Sighting): string[] {
    const unknown = unknownTag(settings, sighting);
    return unknown === undefined ? [] : [unknown];
}

/** Everything that was seen and speaks against changing the target as the settings want it, one sentence each. */
function objections(settings: Settings, stack: string, sighting: Sighting): string[] {
    return [...targetObjections(settings, stack, sighting), ...contentObjections(settings, stack, sighting)];
}

/** What speaks against touching the target at all: it is held, production's, another stack's or another person's. */
function targetObjections(settings: Settings, stack: string, sighting: Sighting): string[] {
    const { source, target, hold } = settings;
    const problems: string[] = [];
    const heldBy = hold ?? sighting.target?.annotations[holdAnnotation];
    if (heldBy !== undefined) {
        const where =
            hold === undefined ? `annotation ${holdAnnotation} of namespace ${target.namespace}` : "setting hold";
        problems.push(`The replica is held by ${heldBy}: ask, then remove the ${where}.`);
    }
    if (sighting.target !== undefined && sighting.target.uid === sighting.sourceUid) {
        problems.push(
            `Namespace ${target.namespace} is production's (${source.namespace} of context "${source.context}") by its ` +
                `unique id ${sighting.sourceUid}: write another target.namespace.`,
        );
    } else if (sighting.target !== undefined && sighting.target.labels[stackLabel] !== labelValue(stack)) {
        const owner = sighting.target.labels[stackLabel];
        problems.push(
            `Namespace ${target.namespace} is there already and ` +
                (owner === undefined ? "was not made by understudy" : `belongs to stack ${owner}`) +
                ": write another target.namespace, or remove that namespace if nobody needs it.",
        );
    }
    if (
        target.developer !== undefined &&
        sighting.user !== undefined &&
        !isDeveloper(target.developer.user, sighting.user)
    ) {
        const { user } = target.developer;
        problems.push(
            `This is ${user}'s replica, and the cluster of context "${target.context}" knows you as ${sighting.user.name}: ` +
                `ask ${user}, or make a stack file of your own.`,
        );
    }
    return problems;
}

/** What speaks against what the target would get, and lose. */
function contentObjections(settings: Settings, stack: string, sighting: Sighting): string[] {
    const { source } = settings;
    const problems: string[] = [];
    if (source.namespace !== undefined && sighting.unseen === undefined && sighting.sourceUid === undefined) {
        problems.push(
            `Production's namespace ${source.namespace} is not on the cluster of context "${source.context}": ` +
                "correct source.namespace, or write the context of production's cluster to source.context.",
        );
    }
    if (source.workload !== undefined && sighting.sourceUid !== undefined && sighting.sourceImage === undefined) {
        const { kind, name, container } = source.workload;
        const part = container === undefined ? "" : ` with container ${container}`;
        problems.push(
            `Production's namespace ${source.namespace} has no ${kind} ${name}${part}: correct source.workload, which ` +
                "names what runs production's tag.",
        );
    }
    if (settings.lifecycle.suspended && awaited(settings, sighting.live).length > 0) {
        problems.push(
            `The replica is suspended, and another copy needs its server: run understudy extend ${stack.split("/").at(-1)} ` +
                "with a time span such as 7d, which wakes it, or set lifecycle.suspended to false.",
        );
    }
    problems.push(
        ...fenceObjections(settings, sighting),
        ...volumeObjections(settings, stack, sighting),
        ...exposureObjections(settings, sighting),
    );
    if (sighting.torn !== undefined && awaited(settings, sighting.live).includes("database")) {
        problems.push(
            `The catalogue of production's backups (ConfigMap ${catalogueConfigMap} in ${source.namespace}) cannot be ` +
                `used: ${sighting.torn}. Let the publisher run once more, which makes it anew.`,
        );
    }
    const mismatch = tagMismatch(settings, sighting);
    if (mismatch !== undefined && settings.allowTagMismatch === undefined) {
        problems.push(
            `${mismatch} Set imageTag to production's (a candidate is deployed afterwards), or write the reason why ` +
                "this may differ to allowTagMismatch.",
        );
    }
    return problems;
}

/**
 * Whether the cluster takes somebody for a developer: by the name itself, or with what an identity provider puts around
 * it, as in `oidc:anna@example.org`. A cluster's own administrators may do anything anyway.
 */
function isDeveloper(developer: string, { name, groups }: { name: string; groups: string[] }): boolean {
    if (name.startsWith("system:")) {
        return groups.includes("system:masters");
    }
    const bare = name.replace(/^.*[:#/]/, "").replace(/@.*$/, "");
    return bare.toLowerCase() === developer || groups.includes("system:masters");
}
