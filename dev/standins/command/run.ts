import { spawn } from "node:child_process";
import { type Fields, isFields, listAt, textAt, type Value } from "../kubernetes/fields";
import type { Log } from "../kubernetes/log";

/** What a command has printed, without the newline at the end. */
export interface Printed extends Fields {
    stdout: string;
    stderr: string;
}

/**
 * Runs a command as the real provider does: through the interpreter, in the plugin's folder unless another is named, with
 * the plugin's environment, what the inputs add to it, and what the former run has printed.
 *
 * @param inputs of the resource, laid open
 * @param former what the run before has printed
 * @throws {Error} `exit status 1: running "<command>":` and all that it printed
 */
export async function run(
    command: string,
    inputs: Fields,
    former: Printed,
    log: Log,
    signal: AbortSignal,
): Promise<Printed> {
    const [program = "", ...args] = [...interpreter(inputs), command];
    const child = spawn(program, args, {
        cwd: textAt(inputs, "dir") || process.cwd(),
        env: environment(inputs, former),
        stdio: [textAt(inputs, "stdin") === "" ? "ignore" : "pipe", "pipe", "pipe"],
        signal,
        killSignal: "SIGKILL",
    });
    child.stdin?.end(textAt(inputs, "stdin"));
    const logging = textAt(inputs, "logging") || "stdoutAndStderr";
    const printed: Printed = { stdout: "", stderr: "" };
    let both = "";
    for (const name of ["stdout", "stderr"] as const) {
        child[name]?.setEncoding("utf8").on("data", (text: string) => {
            printed[name] += text;
            both += text;
            if (logging.toLowerCase().includes(name)) {
                for (const line of text.split("\n").filter((line) => line !== "")) log.status("info", line);
            }
        });
    }
    const ended = await new Promise<string | undefined>((resolve) => {
        child.on("error", (error) => resolve(error.message));
        child.on("close", (status, by) =>
            resolve(status === 0 ? undefined : by === null ? `exit status ${status}` : `signal: ${wordOf(by)}`),
        );
    });
    if (ended !== undefined) throw new Error(`${ended}: running ${JSON.stringify(command)}:\n${both}`);
    return { stdout: trimmed(printed.stdout), stderr: trimmed(printed.stderr) };
}

function interpreter(inputs: Fields): string[] {
    const given = inputs.interpreter;
    return Array.isArray(given) && given.length > 0 ? given.map(String) : ["/bin/sh", "-c"];
}

function environment(inputs: Fields, former: Printed): NodeJS.ProcessEnv {
    const added = isFields(inputs.environment) ? inputs.environment : {};
    const before: Record<string, Value> =
        inputs.addPreviousOutputInEnv === false
            ? {}
            : {
                  ...(former.stdout !== "" && { PULUMI_COMMAND_STDOUT: former.stdout }),
                  ...(former.stderr !== "" && { PULUMI_COMMAND_STDERR: former.stderr }),
              };
    const texts = Object.entries({ ...added, ...before }).map(([name, value]) => [name, String(value)]);
    return { ...process.env, ...Object.fromEntries(texts) };
}

/** As Go's os/exec writes it. */
function wordOf(signal: NodeJS.Signals): string {
    return { SIGKILL: "killed", SIGTERM: "terminated", SIGINT: "interrupt" }[signal as "SIGKILL"] ?? signal;
}

function trimmed(text: string): string {
    return text.endsWith("\n") ? text.slice(0, -1) : text;
}

/** Whether a resource asks for files as assets, which the stand-in does not do. */
export function wantsAssets(inputs: Fields): boolean {
    return ["assetPaths", "archivePaths"].some((key) => listAt(inputs, key).length > 0 || Array.isArray(inputs[key]));
}
