/** How OpenSSH is told of the hosts: its own configuration, with what is to be trusted and nothing else. */
import type { Hosts } from "../settings/hosts/reach";

/** What stands in the configuration for the folder that it is in. */
export const here = "@HERE@";

/** Files for a folder of their own, by name. */
export interface SshFiles {
    config: string;
    /** Keys, which only this user may read. */
    [name: string]: string;
}

/** Configuration, known hosts and keys of all hosts with ssh. The user's own configuration does not count. */
export function sshFiles(hosts: Hosts): SshFiles {
    const files: SshFiles = { config: "" };
    const sections: string[] = [];
    for (const [name, { ssh }] of Object.entries(hosts)) {
        if (ssh === undefined) {
            continue;
        }
        files[`${name}.known`] = knownAs(ssh.host, ssh.knownHosts);
        if (ssh.key !== undefined) {
            files[`${name}.key`] = ssh.key.endsWith("\n") ? ssh.key : `${ssh.key}\n`;
        }
        sections.push(
            [
                `Host ${name}`,
                `HostName ${ssh.host}`,
                `Port ${ssh.port}`,
                `User ${ssh.user}`,
                // Without the port; a certificate has to be made out to it.
                `HostKeyAlias ${ssh.host}`,
                `UserKnownHostsFile "${here}/${name}.known"`,
                ...(ssh.key === undefined ? [] : [`IdentityFile "${here}/${name}.key"`, "IdentitiesOnly yes"]),
                // By itself ssh would look for the bastion in the user's own configuration.
                ...(ssh.jump === undefined ? [] : [`ProxyCommand ssh -F "${here}/config" -W %h:%p ${ssh.jump}`]),
            ].join("\n    "),
        );
    }
    const common = [
        "Host *",
        "BatchMode yes",
        "StrictHostKeyChecking yes",
        "GlobalKnownHostsFile /dev/null",
        "UpdateHostKeys no",
        "ForwardAgent no",
        "ForwardX11 no",
        "PermitLocalCommand no",
        "RequestTTY no",
        "ConnectTimeout 15",
        "ServerAliveInterval 10",
        "ServerAliveCountMax 3",
        "LogLevel ERROR",
    ].join("\n    ");
    files.config = `${[...sections, common].join("\n\n")}\n`;
    return files;
}

/** The keys under the name that ssh looks for: what else the machine is called does not matter. */
function knownAs(name: string, lines: string): string {
    const keys = lines
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line) => {
            const [first = "", ...rest] = line.split(/\s+/);
            // A marker such as @cert-authority comes before the names.
            return first.startsWith("@") ? [first, name, ...rest.slice(1)].join(" ") : [name, ...rest].join(" ");
        });
    return `${keys.join("\n")}\n`;
}

/** What ssh has to say about a connection that did not come about, in our words; undefined if it is not about that. */
export function connectionProblem(host: string, said: string): string | undefined {
    if (/host key verification failed|identification has changed|no \S+ host key is known/i.test(said)) {
        return (
            `Host ${host} shows another key than hosts.${host}.ssh.knownHosts has: if the machine was made anew, write ` +
            "its new key there once you have compared it; if not, somebody stands between."
        );
    }
    if (/permission denied|no such identity|load key|invalid format|error in libcrypto/i.test(said)) {
        return `Host ${host} does not take the key: correct hosts.${host}.ssh.key or its user, or let that user in.`;
    }
    if (
        /timed out|refused|no route|could not resolve|unreachable|closed by|kex_exchange|reset by peer|broken pipe/i.test(
            said,
        )
    ) {
        const last = said.trim().split("\n").at(-1) ?? "";
        return `Host ${host} cannot be reached (${last.replace(/[.\s]+$/, "")}): look whether it runs and lets this machine in.`;
    }
    return undefined;
}
