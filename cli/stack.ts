import { AsyncLocalStorage } from "node:async_hooks";
import * as pulumi from "@pulumi/pulumi";
import { LocalWorkspace, type Stack } from "@pulumi/pulumi/automation";
import type { Preview } from "../preview/summary";
import { type AnySettings, parseSettings, parseStack, readSettings, type Settings } from "../settings";
import type { HostSettings } from "../settings/hosts";
import { checkPolicy } from "./policy";
import { project } from "./project";
import { readStackFile } from "./stack-files";

import program = require("../index");

/** What a run of the program differs in from what the stack file says, and who hears of it. */
export interface RunOptions {
    /** Settings for this run alone, by their names: they are not written to the stack file. */
    overrides?: Record<string, string>;
    /** Is told the settings whenever the program runs for a replica, which waits for it. */
    onSettings?: (settings: Settings) => void | Promise<void>;
    /** The same for a replica on hosts. */
    onHosts?: (settings: HostSettings) => void | Promise<void>;
    /** Is told, when a preview runs for a replica, what an update would do. */
    onPreview?: (preview: Preview) => void;
    /** Whether the program runs for what is to be removed. */
    wiping?: boolean;
}

/** Opens a stack of the project in the current folder, as Pulumi does; its state is made if there is none. */
export async function openStack(
    stackName: string,
    { overrides = {}, onSettings, onHosts, onPreview, wiping = false }: RunOptions = {},
): Promise<Stack> {
    // The SDK's state is one for each run of a program: what is asked for beside it may not get into that.
    const outside = AsyncLocalStorage.snapshot();
    const run = async () => {
        for (const [key, value] of Object.entries(overrides)) {
            pulumi.runtime.setConfig(`${project}:${key}`, value);
        }
        const settings = readSettings();
        if (settings.role === "replica") {
            await onSettings?.(settings);
        } else if (settings.role === "hosts") {
            await onHosts?.(settings);
        }
        return program({
            ...(onPreview && { tell: onPreview }),
            // What is to be removed may be what the policy does not let pass.
            ...(wiping ? { wiping } : { check: () => outside(checkPolicy, settings, stackName) }),
        });
    };
    const stack = await LocalWorkspace.createOrSelectStack(
        { stackName, projectName: project, program: run },
        { workDir: process.cwd() },
    );
    // Every operation asks for these afterwards, a quarter of a second each; what counts has been printed by then.
    stack.outputs = async () => ({});
    stack.info = async () => undefined;
    return stack;
}

/**
 * The settings of a replica's stack file.
 *
 * @throws {Refusal} with one sentence for each problem of the stack file
 */
export async function settingsOf(stack: Stack): Promise<Settings> {
    return parseSettings(await configOf(stack), project, stack.name);
}

/**
 * The settings of a stack file, whichever role it has.
 *
 * @throws {Refusal} with one sentence for each problem of the stack file
 */
export async function anySettingsOf(stack: Stack): Promise<AnySettings> {
    return parseStack(await configOf(stack), project, stack.name);
}

/**
 * The settings of a replica's stack file, wherever it stands.
 *
 * @throws {Refusal} with one sentence for each problem of the stack file
 */
export async function replicaSettingsOf(stack: Stack): Promise<Settings | HostSettings> {
    const settings = await anySettingsOf(stack);
    return settings.role === "hosts" ? settings : settingsOf(stack);
}

async function configOf(stack: Stack): Promise<Record<string, string>> {
    const config = Object.entries(await stack.getAllConfig()).map(([key, { value }]) => [key, value]);
    return Object.fromEntries(config);
}

/** Where a replica is to stand, without the engine's help; undefined of any other stack file, and of one with mistakes. */
export async function targetOf(stackName: string): Promise<Settings["target"] | undefined> {
    try {
        return parseSettings(await readStackFile(process.cwd(), stackName), project, stackName).target;
    } catch {
        return undefined;
    }
}

/** Writes settings to the stack file, by their paths such as `database.backup`; comments and order stay. */
export async function writeSettings(stack: Stack, settings: Record<string, string>): Promise<void> {
    const entries = Object.entries(settings).map(([path, value]) => [`${project}:${path}`, { value }]);
    await stack.setAllConfig(Object.fromEntries(entries), true);
}
