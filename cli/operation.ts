import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation";
import { formatAge } from "../agent/report";
import { publicUrl } from "../components/address";
import { generationsOf } from "../components/generations";
import type { Live } from "../contract/event";
import { orderFolder } from "../hosts/order";
import { follow, heard, type Said } from "../hosts/said";
import type { Preview } from "../preview/summary";
import { eventIn, readLive } from "../record";
import type { Settings } from "../settings";
import type { HostSettings } from "../settings/hosts";
import { clearInterruption, endJobs, forgetGone } from "./interruption";
import { takeLease, wasKilled } from "./lease";
import { describeLive } from "./live";
import { tellerOf } from "./notice";
import type { ObjectChanges } from "./preview";
import { followJobs } from "./progress";
import { project } from "./project";
import { openStack, targetOf } from "./stack";
import type { View } from "./view";

/** What Pulumi does with a stack. */
export type Operation = "preview" | "up" | "wipe";

/** How an operation is run. */
export interface OperationOptions {
    /** Show every changed property, in a preview. */
    diff?: boolean;
    /** Settings for this run alone, by their names. */
    overrides?: Record<string, string>;
    /** Throws what speaks against a change, when nobody else can begin one any more. */
    check?: () => Promise<void>;
}

/**
 * Runs one of Pulumi's operations, and shows what it prints, what the running Jobs do, and what it comes to. Ctrl-C
 * ends both.
 *
 * @returns whether it succeeded; its diagnostics and its result have been shown
 * @throws Error that kept it from beginning
 */
export async function operate(
    name: string,
    operation: Operation,
    view: View,
    options: OperationOptions = {},
): Promise<boolean> {
    const started = performance.now();
    const id = `${project}/${name}`;
    const { diff = false, overrides = {}, check } = options;
    const ended = new AbortController();
    let settings: Settings | undefined;
    let onMachines: HostSettings | undefined;
    let wasLive = false;
    let preview: Preview | undefined;
    let release: (() => Promise<void>) | undefined;
    const onSettings = async (read: Settings) => {
        settings = read;
        if (operation !== "preview") {
            const { context, namespace } = read.target;
            release ??= await takeLease({ context, namespace, stack: id }, view.say);
            await check?.();
        }
        if (operation === "up") {
            wasLive = (await readLive(read)) !== undefined;
            // Nothing may come after the result.
            void followJobs(read, (job, event) => ended.signal.aborted || view.job(job, event), ended.signal);
        }
    };
    const onHosts = async (read: HostSettings) => {
        onMachines = read;
        await check?.();
        if (operation === "up") {
            const folder = orderFolder(id);
            const show = ({ command, line, last }: Said) => {
                const event = eventIn(line);
                return (
                    ended.signal.aborted ||
                    last === true ||
                    view.job(command, event ?? { event: "sentence", text: line })
                );
            };
            void follow(folder, show, ended.signal);
        }
    };
    const onPreview = (told: Preview) => {
        preview = told;
    };
    const stack = await openStack(name, { overrides, onSettings, onHosts, onPreview, wiping: operation === "wipe" });
    let printed = "";
    const output = {
        color: process.stdout.isTTY ? ("always" as const) : ("never" as const),
        onOutput: (text: string) => {
            printed += text;
            view.engine(text);
        },
        onError: (text: string) => view.engine(text, "error"),
        // Its dots would be in the way of what is drawn, which shows as well that something is going on.
        suppressProgress: true,
        ...(view.diagnostic !== undefined && { onEvent: onEvent(view) }),
    };
    let changes: ObjectChanges = {};
    let interrupted = false;
    const work = {
        preview: async () => {
            changes = (await stack.preview({ ...output, diff })).changeSummary;
        },
        up: () =>
            stack.up(output).catch(async (error: unknown) => {
                // What was refused before anything was touched has another reason.
                if (interrupted || !/ failed\*\*/.test(printed) || !(await forgetGone(stack))) {
                    throw error;
                }
                view.say("Something was gone that the state knew: once more, without it.");
                await stack.up(output);
            }),
        // What is kept is read from the state, which knows only the flags of the last up, unless the program runs.
        wipe: () => stack.destroy({ ...output, runProgram: true }),
    };
    // The terminal tells the engine as well, which ends in order; a second Ctrl-C does not wait for it.
    const onInterrupt = () => {
        if (interrupted) {
            process.exit(130);
        }
        interrupted = true;
    };
    process.on("SIGINT", onInterrupt);
    if (operation === "wipe") {
        await clearInterruption(stack);
    }
    const target = operation === "up" ? await targetOf(name) : undefined;
    if (target !== undefined && (await wasKilled(target))) {
        // What is made of an object that is gone would be waited for until its deadline.
        view.say("The last run was killed: what it has left is compared with what the state knows.");
        await forgetGone(stack);
    }
    try {
        await work[operation]();
    } catch (error) {
        if (interrupted && settings !== undefined) {
            await endJobs(settings);
            await clearInterruption(stack);
            view.say("Interrupted: the running Jobs were ended, and the copy that is live stays live.");
        }
        // The engine's own diagnostics have been printed; anything else kept it from getting that far.
        if (error instanceof Error && error.message.includes("code: ")) {
            view.end({ result: "failed", generations: null });
            return false;
        }
        throw error;
    } finally {
        ended.abort();
        await release?.();
        process.off("SIGINT", onInterrupt);
    }
    // Asking before every update would cost half a second; the engine says when there is reason to.
    if (operation === "up" && printed.includes("pending operations")) {
        await clearInterruption(stack);
    }
    const generations = settings === undefined || operation === "wipe" ? null : generationsOf(settings);
    const seconds = (performance.now() - started) / 1000;
    if (settings !== undefined && operation === "up") {
        const live = await readLive(settings);
        view.say(reportOf(live, settings, name, seconds));
        if (live !== undefined && !wasLive) {
            await tellDone(settings, id, view, { ...factsOf(live), imageTag: settings.imageTag, seconds });
        }
    } else if (onMachines !== undefined && operation === "up") {
        if (heard(orderFolder(id)).some(({ command }) => command === "switch")) {
            await tellDone(onMachines, id, view, { seconds });
        }
    } else if (operation === "preview") {
        view.preview(preview, changes);
    }
    view.end({ result: "succeeded", generations });
    return true;
}

function reportOf(live: Live | undefined, settings: Settings, name: string, seconds: number): string {
    return live === undefined
        ? `What is live can no longer be read from the last switch: understudy status ${name} tells it.`
        : describeLive(live, publicUrl(settings), seconds);
}

/** What programs are told of a copy that has become live. */
function factsOf({ database, media }: Live): object {
    return {
        backup: database.report?.stamp ?? null,
        switched: database.switched,
        awayMs: database.awayMs,
        generations: { database: database.id, media: media.id },
    };
}

/** Tells that another copy is live. */
async function tellDone<T extends { seconds: number }>(
    settings: Settings | HostSettings,
    id: string,
    view: View,
    facts: T,
): Promise<void> {
    const tell = await tellerOf(settings, id);
    const text = `${id} has another copy of production's data, after ${formatAge(facts.seconds)}.`;
    for (const problem of await tell({ event: "done", text, facts })) {
        view.say(problem);
    }
}

/** Hands on what the engine has found, without its marks for colours, and which objects it would take away. */
function onEvent(view: View): (event: EngineEvent) => void {
    return ({ diagnosticEvent: found, resourcePreEvent: step }) => {
        if (found !== undefined && found.ephemeral !== true && found.severity !== "info#err") {
            view.diagnostic?.(found.message.replaceAll(/<\{%.*?%\}>/g, "").trim(), found.severity);
        }
        const gone = step && takenAway(step.metadata);
        if (gone !== undefined) {
            view.removal?.(gone);
        }
    };
}

/** The object that a step removes, or removes and makes again: `Deployment application`. Jobs are always made anew. */
function takenAway({ op, urn, type, old }: StepEventMetadata): string | undefined {
    const [kind, name] = [type.slice(type.lastIndexOf(":") + 1), urn.slice(urn.lastIndexOf("::") + 2)];
    const isOwn = old?.custom === true && old.retainOnDelete !== true && kind !== "Job" && !type.startsWith("pulumi:");
    if (!isOwn || (op !== "delete" && op !== "replace")) {
        return undefined;
    }
    return `${kind} ${name} ${op === "delete" ? "is removed" : "is removed and made anew"}`;
}
