/** What is deployed on both sides, which has to be the same before data goes from one to the other. */
import { spawn } from "node:child_process";
import type { ParitySettings, ParitySide } from "../settings/hosts/parity";
import { onHost } from "./install";
import type { Order } from "./order";
import { quoted, type Ways } from "./way";

/** What was found. */
export interface Parity {
    source: string;
    target: string;
    same: boolean;
}

/**
 * Finds out the versions of both sides.
 *
 * @throws {Error} when one does not tell
 */
export async function compareVersions({ source, target }: ParitySettings, ways: Ways): Promise<Parity> {
    const [there, here] = await Promise.all([versionOf("source", source, ways), versionOf("target", target, ways)]);
    return { source: there, target: here, same: there === here };
}

/** What speaks against a refresh, or what is reported where it is allowed; undefined if they are the same. */
export function parityProblem({ source, target, same }: Parity): string | undefined {
    return same
        ? undefined
        : `The source runs ${source}, and the target ${target}: deploy the source's version on the target first, or write the ` +
              "reason why they may differ to parity.allowMismatch.";
}

async function versionOf(
    side: string,
    { host = "", file, command, tag, branch }: ParitySide,
    ways: Ways,
): Promise<string> {
    const found =
        tag ??
        (branch === undefined
            ? await onHost(ways, host, file === undefined ? (command ?? "") : `cat ${quoted(file)}`)
            : await tipOf(branch));
    const version = found.trim().split("\n")[0]?.trim() ?? "";
    if (version === "") {
        throw new Error(`What parity.${side} names tells no version: correct it in the stack file.`);
    }
    return version;
}

async function tipOf({ repository, name }: NonNullable<ParitySide["branch"]>): Promise<string> {
    const child = spawn("git", ["ls-remote", "--exit-code", "--", repository, `refs/heads/${name}`], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, GIT_TERMINAL_PROMPT: "0" },
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString();
    });
    child.stderr.resume();
    const status = await new Promise<number | null>((resolve, reject) => {
        child.on("error", reject);
        child.on("close", resolve);
    });
    if (status !== 0) {
        throw new Error(
            `Branch ${name} of ${repository} cannot be found: correct parity, or let this machine read it.`,
        );
    }
    return output.split("\t")[0] ?? "";
}

/** The same of an order; undefined if it asks for none. */
export async function orderedParity({ parity }: Pick<Order, "parity">, ways: Ways): Promise<Parity | undefined> {
    return parity === undefined ? undefined : compareVersions(parity, ways);
}
