import { spawn } from "node:child_process";

/** How a command is run. */
export interface RunOptions {
    /** The folder it runs in; this process's own if left out. */
    cwd?: string;
    /** Its whole environment; this process's own if left out. */
    env?: NodeJS.ProcessEnv;
    /** Milliseconds after which it is killed and counts as failed; without it, it may take as long as it likes. */
    timeout?: number;
    /** What it reads from its standard input; nothing if left out. */
    input?: string;
}

/**
 * Runs a command without a shell and returns what it wrote to its standard output.
 *
 * @throws Error in one sentence, with the last lines that the command wrote, if it cannot be started, fails or takes too long.
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
    return new Promise((resolve, reject) => {
        const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: ["pipe", "pipe", "pipe"] });
        const output: Buffer[] = [];
        const everything: Buffer[] = [];
        child.stdout.on("data", (chunk: Buffer) => {
            output.push(chunk);
            everything.push(chunk);
        });
        child.stderr.on("data", (chunk: Buffer) => everything.push(chunk));
        // A command that ends without reading its input closes the pipe; its exit status tells the story.
        child.stdin.on("error", () => {});
        child.stdin.end(options.input ?? "");

        let late = false;
        const timer =
            options.timeout === undefined
                ? undefined
                : setTimeout(() => {
                      late = true;
                      child.kill("SIGKILL");
                      // Its own children may hold the pipes open for as long as they like.
                      child.stdout.destroy();
                      child.stderr.destroy();
                  }, options.timeout);

        child.on("error", (error) => {
            clearTimeout(timer);
            reject(new Error(`${command} could not be started: ${error.message}.`));
        });
        child.on("close", (status, signal) => {
            clearTimeout(timer);
            if (status === 0 && !late) {
                resolve(Buffer.concat(output).toString("utf8"));
                return;
            }
            const how = late
                ? `took longer than ${(options.timeout ?? 0) / 1000} s`
                : signal
                  ? `was ended by ${signal}`
                  : `failed with status ${status}`;
            reject(
                new Error(`${described(command, args)} ${how}${lastLines(Buffer.concat(everything).toString("utf8"))}`),
            );
        });
    });
}

function described(command: string, args: readonly string[]): string {
    const line = [command, ...args].join(" ");
    return line.length > 120 ? `${line.slice(0, 117)}…` : line;
}

function lastLines(output: string): string {
    const lines = output
        .split("\n")
        .map((line) => line.trimEnd())
        .filter((line) => line !== "");
    return lines.length === 0 ? " and wrote nothing." : `: ${lines.slice(-8).join("\n")}`;
}
