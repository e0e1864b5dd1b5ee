import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hosts } from "../settings/hosts/reach";
import { here, sshFiles } from "./ssh";

/** The ways to the hosts, as long as they are open. */
export interface Ways {
    /** Program and arguments that run a command of the shell on a host. */
    to(host: string, command: string): string[];
    close(): void;
}

/** Opens the ways: keys stand in files that only this user can read, until they are closed or the process ends. */
export function openWays(hosts: Hosts): Ways {
    const folder = mkdtempSync(join(tmpdir(), "understudy-ssh-"));
    const close = () => rmSync(folder, { recursive: true, force: true });
    process.on("exit", close);
    for (const [name, text] of Object.entries(sshFiles(hosts))) {
        writeFileSync(join(folder, name), text.replaceAll(here, folder), { mode: 0o600 });
    }
    return {
        to(host, command) {
            const reach = hosts[host];
            if (reach?.ssh !== undefined) {
                return ["ssh", "-F", join(folder, "config"), host, command];
            }
            return [...(reach?.command ?? []), "sh", "-c", command];
        },
        close,
    };
}

/** A word for the shell. */
export function quoted(text: string): string {
    return /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
