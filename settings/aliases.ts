/** The part of a stack file that says which names mean the replica's own parts to the application. */
import { isIP } from "node:net";
import { z } from "zod";
import type { Settings } from "../settings";
import { host } from "./values";

/** Parts of the replica that a name can stand for. */
export const aliasTargets = ["application", "database", "mail", "pooler", "redis"] as const;
export type AliasTarget = (typeof aliasTargets)[number];

/** Names and what they stand for: a short one, or one with dots. */
export const aliases = z.record(host, z.enum(aliasTargets));
export type Aliases = z.infer<typeof aliases>;

/** Whether only a pod's own list of hosts can turn this name into an address. */
export function isDotted(name: string): boolean {
    return name.includes(".");
}

/** What the aliases cannot stand for. */
export function aliasContradictions({ application, database, mail }: Settings): string[] {
    const host = database.server?.host;
    const aliases = Object.entries(application?.aliases ?? {});
    const mails = aliases.filter(([, part]) => part === "mail" && mail.mode === "off");
    const unreachable = aliases.flatMap(([name, part]) =>
        part === "database" && host !== undefined && isIP(host) === 0 && isDotted(name)
            ? `application.aliases.${name} is database, which is the server at ${host}, and a name with dots can only ` +
              "stand for an address: write that to database.server.host, or a name without dots"
            : [],
    );
    return [
        ...unreachable,
        ...mails.map(([name]) => `application.aliases.${name} is mail, and mail.mode is off: leave one of them out`),
    ];
}
