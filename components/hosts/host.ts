import type * as pulumi from "@pulumi/pulumi";
import { nodeOn } from "../../hosts/agent";
import { agentHash } from "../../hosts/install";
import { folderOn, type Order } from "../../hosts/order";
import { here, sshFiles } from "../../hosts/ssh";
import { quoted } from "../../hosts/way";
import { Command } from "./command";
import { serverFiles } from "./plan";

/** Arguments of a {@link createHost}. */
export interface HostArgs {
    /** What the stack file calls it. */
    host: string;
    order: Order;
    /** What has to be there before the agent is brought. */
    ready: pulumi.Output<unknown>;
    /** What a wipe takes away there besides the agent; nothing if left out. */
    wipe?: { database: boolean; media: boolean };
}

/**
 * The agent on a host. Removing it needs nothing of this machine but OpenSSH and a shell: `pulumi destroy` may run where
 * no program has run before.
 */
export function createHost(args: HostArgs, options: pulumi.ComponentResourceOptions): Command {
    const { host, order, ready, wipe } = args;
    const reach = order.hosts[host];
    return new Command(
        `host-${host}`,
        {
            stack: order.stack,
            words: ["install", host],
            ready,
            because: {
                agent: agentHash(order.program),
                folder: folderOn(order, host),
                node: reach?.bringNode === true ? "brought" : (reach?.node ?? ""),
            },
            remove: removal(order, host, wipe !== undefined),
            secret: {
                environment: Object.fromEntries(
                    Object.entries(sshFiles(order.hosts)).map(([name, text]) => [variable(name), text]),
                ),
                stdin: wipe === undefined ? "" : wipeHeader(order, wipe),
            },
        },
        options,
    );
}

/** The shell's commands that wipe a host and take the agent away. They find the files for ssh in their environment. */
export function removal(order: Order, host: string, wipes: boolean): string {
    const { hosts } = order;
    const reach = hosts[host];
    const folder = quoted(folderOn(order, host));
    const node = nodeOn(order, host);
    const absent =
        `The agent is not on host ${host} any more, so that nothing was removed there: understudy refresh brings it back, ` +
        "then wipe.";
    const work = wipes
        ? `test -f ${folder}/agent.cjs || { echo ${quoted(absent)} >&2; exit 1; }; ${node} ${folder}/agent.cjs wipe || exit; `
        : "";
    const there = `${work}rm -rf ${folder}`;
    const names = Object.keys(sshFiles(hosts));
    const way =
        reach?.ssh === undefined
            ? [...(reach?.command ?? []), "sh", "-c"].map(quoted).join(" ")
            : `ssh -F "$folder/config" ${host}`;
    return [
        "set -eu",
        "umask 077",
        "folder=$(mktemp -d)",
        "trap 'rm -rf \"$folder\"' EXIT",
        ...names.map((name) => `printf %s "$${variable(name)}" | sed "s|${here}|$folder|g" > "$folder/${name}"`),
        `${way} ${quoted(there)}`,
    ].join("\n");
}

function wipeHeader({ target }: Order, wipe: { database: boolean; media: boolean }): string {
    const { hooks, masking, identity, ...plan } = target.plan;
    const secrets = Object.fromEntries(Object.entries(target.secrets).filter(([name]) => serverFiles.includes(name)));
    return `${JSON.stringify({ plan: { plan, ...wipe }, secrets })}\n`;
}

/** Name of a file's text in an environment. */
function variable(file: string): string {
    return `UNDERSTUDY_SSH_${file.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
}
