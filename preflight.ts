/**
 * What has to be known before the first resource is registered: whether the target namespace may be used at all,
 * whether production runs the tag that its data is refreshed under, and the password that a kept database volume still
 * expects. Reads only.
 */
import * as pulumi from "@pulumi/pulumi";
import { generationsOf } from "./components/generations";
import { labelValue, stackLabel } from "./components/labels";
import { Refusal } from "./refusal";
import type { Settings } from "./settings";
import { look, type Sighting } from "./sighting";

/** What the program needs of it. */
export interface Preflight {
    /** Password of a database volume that was kept by an earlier wipe. */
    keptPassword?: pulumi.Output<string>;
}

/** Annotation on the target namespace with which anyone can hold a replica: `<who>: <why>`. */
export const holdAnnotation = "understudy/hold";

/**
 * Looks at the target before anything is registered.
 *
 * @throws {Refusal} with a sentence for everything that speaks against using the target, or when the cluster
 * cannot be reached by an update. A preview without the cluster goes on and says what it could not check.
 */
export async function preflight(settings: Settings, stack: string): Promise<Preflight> {
    let sighting: Sighting;
    try {
        sighting = await look(settings);
    } catch (error) {
        const reason = `cannot read the cluster of context "${settings.target.context}": ${sentence(error)}`;
        if (pulumi.runtime.isDryRun()) {
            await pulumi.log.warn(`${reason}. The target namespace was not checked; an update will refuse to go on.`);
            return {};
        }
        throw new Refusal(`${reason}. Nothing was changed.`);
    }
    const problems = objections(settings, stack, sighting);
    if (problems.length > 0) {
        throw new Refusal(problems.map((problem) => `${problem} Nothing was changed.`).join("\n"));
    }
    const mismatch = tagMismatch(settings, sighting);
    if (mismatch !== undefined) {
        await pulumi.log.warn(`${mismatch} Allowed: ${settings.allowTagMismatch}.`);
    }
    return sighting.password === undefined ? {} : { keptPassword: pulumi.secret(sighting.password) };
}

/** Everything that speaks against changing the target, one sentence each. */
export function objections(settings: Settings, stack: string, sighting: Sighting): string[] {
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
            `Namespace ${target.namespace} is production's (${source.namespace}) by its unique id ${sighting.sourceUid}: ` +
                "write another target.namespace.",
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
    if (source.namespace !== undefined && sighting.sourceUid === undefined) {
        problems.push(
            `Production's namespace ${source.namespace} is not on the cluster of context "${target.context}": ` +
                "correct source.namespace, or leave it out when production runs on another cluster.",
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

/** Data belongs to the version that wrote it: the tags are compared whenever other data is asked for than is live. */
function tagMismatch(settings: Settings, { sourceImage, live }: Sighting): string | undefined {
    const wanted = generationsOf(settings);
    const refreshes = live?.database !== wanted.database || live.media !== wanted.media;
    const tag = sourceImage === undefined ? undefined : tagOf(sourceImage);
    return refreshes && tag !== undefined && tag !== settings.imageTag
        ? `Data is refreshed under tag ${settings.imageTag}, but production runs ${tag}.`
        : undefined;
}

/** Tag of an image's name: `tagOf("registry:5000/shop:1.2@sha256:…") === "1.2"`. */
export function tagOf(image: string): string {
    const [name = ""] = image.split("@");
    return /:([^/:]+)$/.exec(name)?.[1] ?? "latest";
}

/** The first line of an error: what follows may hold headers and whole responses. */
function sentence(error: unknown): string {
    const text = error instanceof Error ? error.message : String(error);
    return (text.split("\n")[0] ?? text).trim();
}
