import { execFile } from "node:child_process";
import { promisify } from "node:util";

/**
 * Runs a program of this machine to its end.
 *
 * @throws Error with the last line that it has written, when it fails
 */
export async function run(program: string, args: string[]): Promise<void> {
    await promisify(execFile)(program, args).catch(({ stderr = "", message }: Error & { stderr?: string }) => {
        throw new Error(`${program} has failed: ${stderr.trim().split("\n").at(-1) || message}`);
    });
}
