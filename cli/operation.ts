import type { Settings } from "../settings";
import { clearInterruption, endJobs } from "./interruption";
import { followJobs } from "./progress";
import { openStack } from "./stack";

/** What Pulumi does with a stack. */
export type Operation = "preview" | "up" | "wipe";

/** How an operation is run. */
export interface OperationOptions {
    /** Show every changed property, in a preview. */
    diff?: boolean;
    /** Settings for this run alone, by their names. */
    overrides?: Record<string, string>;
}

/**
 * Runs one of Pulumi's operations, and shows what it prints and what the running Jobs do. Ctrl-C ends both.
 *
 * @returns whether it succeeded; its diagnostics have been shown
 * @throws Error that kept it from beginning
 */
export async function operate(name: string, operation: Operation, options: OperationOptions = {}): Promise<boolean> {
    const { diff = false, overrides = {} } = options;
    const ended = new AbortController();
    let settings: Settings | undefined;
    const onSettings = (read: Settings) => {
        settings = read;
        if (operation === "up") {
            void followJobs(read, (line) => process.stdout.write(`    ${line}\n`), ended.signal);
        }
    };
    const stack = await openStack(name, { overrides, onSettings });
    let printed = "";
    const output = {
        color: process.stdout.isTTY ? ("always" as const) : ("never" as const),
        onOutput: (text: string) => {
            printed += text;
            process.stdout.write(text);
        },
        onError: (text: string) => void process.stderr.write(text),
        suppressProgress: !process.stdout.isTTY,
    };
    const work = {
        preview: () => stack.preview({ ...output, diff }),
        up: () => stack.up(output),
        // What is kept is read from the state, which knows only the flags of the last up, unless the program runs.
        wipe: () => stack.destroy({ ...output, runProgram: true }),
    };
    let interrupted = false;
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
    try {
        await work[operation]();
    } catch (error) {
        if (interrupted && settings !== undefined) {
            await endJobs(settings);
            await clearInterruption(stack);
            process.stderr.write("Interrupted: the running Jobs were ended, and the copy that is live stays live.\n");
        }
        // The engine's own diagnostics have been printed; anything else kept it from getting that far.
        if (error instanceof Error && error.message.includes("code: ")) {
            return false;
        }
        throw error;
    } finally {
        ended.abort();
        process.off("SIGINT", onInterrupt);
    }
    // Asking before every update would cost half a second; the engine says when there is reason to.
    if (operation === "up" && printed.includes("pending operations")) {
        await clearInterruption(stack);
    }
    return true;
}
