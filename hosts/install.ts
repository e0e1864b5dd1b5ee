import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { folderOn, type Order } from "./order";
import { connectionProblem } from "./ssh";
import { quoted, type Ways } from "./way";

/** Runs a command of the shell on a host to its end. Returns what it has printed, or throws as {@link startAgent}. */
export async function onHost(ways: Ways, host: string, command: string, input?: Buffer): Promise<string> {
    const [program = "", ...args] = ways.to(host, command);
    const child = spawn(program, args, { stdio: "pipe" });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
        errors = (errors + chunk.toString()).slice(-65_536);
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    const status = await new Promise<number | null>((resolve, reject) => {
        child.on("error", reject);
        child.on("close", resolve);
    });
    if (status !== 0) {
        const word = errors.trim().split("\n").at(-1) ?? "";
        throw new Error(
            connectionProblem(host, errors) ??
                `Host ${host} could not do what was asked (${word || `status ${status}`}): ${command.slice(0, 200)}`,
        );
    }
    return output;
}

/** Which agent it is, for a diff. */
export function agentHash(program: string): string {
    return createHash("sha256").update(program).digest("hex").slice(0, 16);
}

/** The oldest Node that the agent runs on. */
const oldestNode = [20, 0] as const;

/**
 * Brings the agent to a host, and Node where that is wanted and there is none that will do.
 *
 * @returns a sentence
 * @throws {Error} when the host cannot be reached or written to, or has no Node
 */
export async function install(order: Order, ways: Ways, host: string): Promise<string> {
    const reach = order.hosts[host];
    const folder = quoted(folderOn(order, host));
    const node = quoted(reach?.node ?? "node");
    const [kind = "", version = ""] = (
        await onHost(
            ways,
            host,
            `umask 077; mkdir -p ${folder} && uname -sm && (${node} --version 2>/dev/null || echo none)`,
        ).catch((error: Error) => {
            throw /could not do what was asked/.test(error.message)
                ? new Error(
                      `The folder ${reach?.folder} cannot be written to on host ${host}: make it there and give it to ` +
                          `the user, or set hosts.${host}.folder (${error.message}).`,
                  )
                : error;
        })
    )
        .trim()
        .split("\n");
    const brought = isRecent(version) ? "" : await bringNode(order, ways, host, kind, version);
    await put(ways, host, `${folder}/agent.cjs`, Buffer.from(order.program));
    return `Host ${host} has the agent, on Node ${brought || version.replace("v", "")}.`;
}

function isRecent(version: string): boolean {
    const [major = 0, minor = 0] = version.replace("v", "").split(".").map(Number);
    return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}

async function bringNode(order: Order, ways: Ways, host: string, kind: string, version: string): Promise<string> {
    const { bringNode = false } = order.hosts[host] ?? {};
    const found = version === "none" ? "no Node" : `Node ${version.replace("v", "")}`;
    if (!bringNode) {
        throw new Error(
            `Host ${host} has ${found}, and the agent needs ${oldestNode[0]} or later: install it there, name another one in ` +
                `hosts.${host}.node, or set hosts.${host}.bringNode to true.`,
        );
    }
    const own = `${{ linux: "Linux", darwin: "Darwin" }[process.platform as "linux"]} ${{ x64: "x86_64", arm64: "aarch64" }[process.arch as "x64"]}`;
    if (kind.trim() !== own) {
        throw new Error(
            `Host ${host} has ${found}, and this machine's cannot be brought there: it is for ${own}, and the host is ${kind.trim()}.`,
        );
    }
    const path = `${folderOn(order, host)}/node`;
    await put(ways, host, quoted(path), readFileSync(process.execPath), "700");
    await onHost(ways, host, `${quoted(path)} --version`);
    return process.versions.node;
}

/** Writes a file as a whole or not at all; nobody else can read it. Its path is a word for the shell. */
export async function put(ways: Ways, host: string, path: string, content: Buffer, mode = "600"): Promise<void> {
    await onHost(
        ways,
        host,
        `umask 077; cat > ${path}.partial && test "$(wc -c < ${path}.partial)" -eq ${content.length} && ` +
            `chmod ${mode} ${path}.partial && mv ${path}.partial ${path}`,
        content,
    );
}
