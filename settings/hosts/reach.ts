/** The part of a stack file that says which machines take part, and how each is reached. */
import { z } from "zod";
import { absolutePath, port, reachable, secretText } from "../values";

/** What the stack file calls a machine. */
export const hostName = z
    .string()
    .regex(/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/, "write lower-case letters, digits and dashes, 40 at most");

const ssh = z.strictObject({
    /** Name or address of the machine. */
    host: reachable,
    port: port.default(22),
    user: z.string().regex(/^[a-z_][\w.-]*$/i, "write the name of a user on that machine"),
    /** Private key in OpenSSH's format, without a passphrase; encrypted in the stack file. Whoever runs Pulumi is asked for theirs if left out. */
    key: secretText(
        /^-----BEGIN [A-Z ]*PRIVATE KEY-----\n/,
        "write a private key as ssh-keygen makes it, with its first and last line",
    ).optional(),
    /** Lines of a known_hosts file with the machine's own keys. */
    knownHosts: z
        .string()
        .regex(
            /^(@[a-z-]+ )?\S+ (ssh|ecdsa|sk)-\S+ \S+/m,
            "write the lines that ssh-keyscan prints, once you have compared them",
        ),
    /** Another machine of the stack file, through which this one is reached. */
    jump: hostName.optional(),
});

/** A machine; one of these ways to it. */
export const reach = z
    .strictObject({
        ssh: ssh.optional(),
        /** The machine that runs Pulumi. */
        local: z.literal(true).optional(),
        /** What a command is written behind, such as a container's exec with its standard input open. */
        command: z.array(z.string().min(1)).min(1).optional(),
        /** Folder for the agent, and for what it needs as long as it runs. */
        folder: absolutePath.default("/var/lib/understudy"),
        /** The program Node there. */
        node: z.string().min(1).default("node"),
        /** Whether this machine's Node is brought along where there is none that will do. */
        bringNode: z.boolean().default(false),
    })
    .refine(({ ssh, local, command }) => [ssh, local, command].filter((way) => way !== undefined).length === 1, {
        error: "write one of ssh: {host, user, knownHosts}, local: true or command: [docker, exec, -i, <container>]",
    });
export type Reach = z.infer<typeof reach>;
export type Hosts = Record<string, Reach>;

export const hosts = z.record(hostName, reach);

/** Ways that lead nowhere or in a circle. */
export function hostsContradictions(all: Hosts): string[] {
    return Object.entries(all).flatMap(([name, { ssh }]) => {
        const seen = [name];
        for (let next = ssh?.jump; next !== undefined; next = all[next]?.ssh?.jump) {
            if (all[next]?.ssh === undefined) {
                return [
                    `hosts.${name}.ssh.jump is "${next}", which is no host with ssh: write one of ${others(all, name)}`,
                ];
            }
            if (seen.includes(next)) {
                return [
                    `hosts.${name}.ssh.jump leads in a circle (${[...seen, next].join(", ")}): leave one of them out`,
                ];
            }
            seen.push(next);
        }
        return [];
    });
}

function others(all: Hosts, name: string): string {
    const known = Object.keys(all).filter((one) => one !== name && all[one]?.ssh !== undefined);
    return known.join(" or ") || "a host that you add";
}
