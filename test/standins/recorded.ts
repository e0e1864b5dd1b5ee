import { isDeepStrictEqual } from "node:util";
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation";
import { withoutDifferences } from "./differences";
import { concealed, masked, type Names } from "./masked";

/** What a step did, as far as two providers must agree on it. */
export interface Recorded {
    title: string;
    run: string;
    /** By resource (`type name`): what was planned and done, in order; resources that were left alone are left out. */
    resources: Record<string, Act[]>;
    /** What the run told the user and left on the screen, in alphabetical order. */
    diagnostics: string[];
    /** By resource: what the state holds afterwards. */
    state: Record<string, Entry[] | null>;
}

/** One operation of the engine on one resource. */
export interface Act {
    op: string;
    /** `failed` when it did not work. */
    result?: "failed";
    /** Properties for which the resource is replaced. */
    replaces?: string[];
    /** Changed properties with the kind of their change. */
    changes?: Record<string, string>;
}

/** A resource in the state. Secret values are `[secret]`. */
export interface Entry {
    id?: string;
    inputs: unknown;
    outputs: unknown;
    initErrors?: string[];
    delete?: true;
}

interface Resource {
    urn: string;
    type: string;
    id?: string;
    inputs?: unknown;
    outputs?: unknown;
    initErrors?: string[];
    delete?: boolean;
}

/** Condenses a run's events and the state after it. What is different each time (ids, times, random names) is masked. */
export function recorded(
    title: string,
    run: string,
    events: EngineEvent[],
    checkpoint: unknown,
    names: Names,
): Recorded {
    const resources: Record<string, Act[]> = {};
    for (const event of events) {
        const planned = event.resourcePreEvent?.metadata;
        if (planned !== undefined && isOurs(planned.type) && planned.op !== "same") {
            const list = resources[called(planned.urn)] ?? [];
            resources[called(planned.urn)] = [...list, act(planned)];
        }
        const failed = event.resOpFailedEvent?.metadata;
        const last =
            failed === undefined ? undefined : resources[called(failed.urn)]?.findLast(({ op }) => op === failed.op);
        if (last !== undefined) last.result = "failed";
    }
    const diagnostics = events
        .map((event) => event.diagnosticEvent)
        .filter((diagnostic) => diagnostic !== undefined && !diagnostic.ephemeral)
        .map((diagnostic) => `${diagnostic?.severity}: ${plain(diagnostic?.message ?? "")}`)
        .filter((text) => /^(info|warning|error):/.test(text) && !text.includes("is a stand-in"));
    const state: Record<string, Entry[]> = {};
    // A provider's own arguments are the test's, not the provider's doing.
    for (const resource of resourcesOf(checkpoint).filter(({ type }) => type.startsWith("kubernetes:")))
        state[called(resource.urn)] = [...(state[called(resource.urn)] ?? []), entry(resource)];
    return masked(
        { title, run, resources: sorted(resources), diagnostics: diagnostics.sort(), state: sorted(state) },
        names,
    );
}

function act(step: StepEventMetadata): Act {
    const changes = Object.entries(step.detailedDiff ?? {}).map(([path, { diffKind }]) => [path, diffKind]);
    return {
        op: step.op,
        ...(step.keys?.length ? { replaces: [...step.keys].sort() } : {}),
        ...(changes.length > 0 ? { changes: sorted(Object.fromEntries(changes)) } : {}),
    };
}

function entry(resource: Resource): Entry {
    return {
        id: resource.id ?? "",
        inputs: resource.inputs,
        outputs: withoutDifferences(resource.type, condensed(resource.outputs, resource.inputs)),
        ...(resource.initErrors?.length ? { initErrors: resource.initErrors } : {}),
        ...(resource.delete ? { delete: true } : {}),
    };
}

/**
 * The status is the cluster's business and its history depends on the moment: its phase is enough. The outputs repeat the
 * inputs, except for ciphertexts.
 */
function condensed(outputs: unknown, inputs: unknown): Record<string, unknown> {
    const { status, __inputs, ...rest } = (outputs ?? {}) as { status?: { phase?: string }; __inputs?: unknown };
    const same = isDeepStrictEqual(concealed(__inputs), concealed(inputs));
    const phase = status?.phase === undefined ? {} : { status: { phase: status.phase } };
    return { ...rest, ...phase, __inputs: same ? "<inputs>" : __inputs };
}

function resourcesOf(checkpoint: unknown): Resource[] {
    const { latest } = (checkpoint as { checkpoint: { latest?: { resources?: Resource[] } } }).checkpoint;
    return latest?.resources ?? [];
}

const isOurs = (type: string) => type.startsWith("kubernetes:") || type === "pulumi:providers:kubernetes";

/** `urn:pulumi:stack::project::type::name` as `type name`. */
function called(urn: string): string {
    const [, , type, name] = urn.split("::");
    return `${type} ${name}`;
}

/** A message without the marks for colours, and without the advice below a blank line: it may be in other words. */
function plain(message: string): string {
    const [told = ""] = message.replace(/<\{%.*?%\}>/g, "").split("\n\n");
    return told.trim();
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
    return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
