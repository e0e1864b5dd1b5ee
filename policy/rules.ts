/** All that no stack may ask for. */
import { limited, pinned } from "./containers";
import { bounded } from "./jobs";
import { closed } from "./namespaces";
import { readOnlyMounts, readOnlyVolume } from "./production";
import type { Registered } from "./registered";
import { restricted } from "./restricted";
import { encrypted, unseen } from "./secrets";
import { apart, apartInBuckets } from "./target";
import type { Told } from "./told";

/** One of them: what it finds wrong, a sentence each, that says what to write instead. */
export interface Rule {
    name: string;
    description: string;
    /** Looks at one resource by itself. */
    ofResource?(resource: Registered, told: Told): string[];
    /** Looks at all of a stack's resources together. */
    ofStack?(resources: Registered[], told: Told): string[];
    /** Whether it can be told only where values say whether they are Pulumi's secrets. */
    needsMarks?: true;
}

export const rules: Rule[] = [
    {
        name: "target-is-not-source",
        description: "Nothing is made in production's namespace, and no source of a copy is written to.",
        ofResource: apart,
    },
    {
        name: "sources-are-not-targets",
        description: "No bucket that a copy is made from is one that a copy is made to.",
        ofStack: apartInBuckets,
    },
    {
        name: "production-volumes-read-only",
        description: "Volumes that were there before can only be read, and stay when their claims go.",
        ofResource: readOnlyVolume,
    },
    {
        name: "production-mounts-read-only",
        description: "Claims that the stack has not filled are mounted read-only everywhere.",
        ofStack: readOnlyMounts,
    },
    {
        name: "pods-restricted",
        description: "Pods keep to Kubernetes' restricted level, without the cluster's credentials.",
        ofResource: restricted,
    },
    { name: "images-pinned", description: "Images have a tag other than latest, or a digest.", ofResource: pinned },
    {
        name: "resources-limited",
        description: "Containers ask for processor and memory, and have a limit of memory.",
        ofResource: limited,
    },
    {
        name: "jobs-bounded",
        description: "Jobs and schedules have deadlines, few retries, and no run beside another.",
        ofResource: bounded,
    },
    {
        name: "namespaces-closed",
        description: "Each namespace that is made has a NetworkPolicy that lets nothing in and out.",
        ofStack: closed,
    },
    {
        name: "secrets-unseen",
        description: "No secret is in a variable's value, a ConfigMap, or the text of a command.",
        ofResource: unseen,
    },
    {
        name: "secrets-encrypted",
        description: "What Secrets and commands are given is Pulumi's secret.",
        ofResource: encrypted,
        needsMarks: true,
    },
];

/** What is wrong with a stack, as a sentence each with the rule's name. The resources' values have to be marked. */
export function violations(resources: Registered[], told: Told): string[] {
    return rules.flatMap(({ name, ofResource, ofStack }) =>
        [
            ...resources.flatMap((resource) => ofResource?.(resource, told) ?? []),
            ...(ofStack?.(resources, told) ?? []),
        ].map((sentence) => `The policy ${name} is violated: ${sentence}.`),
    );
}
