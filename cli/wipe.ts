import { createInterface } from "node:readline/promises";
import type { ServerAccess } from "../components/server-access";
import { broughtClaims } from "../components/volumes";
import type { Settings } from "../settings";
import type { PublisherSettings } from "../settings/publisher";

/** What a wipe removes and what it leaves, in one sentence each. */
export function describeWipe(settings: Settings, stackName: string): string {
    const { source, target, database, media, removeDatabaseVolume } = settings;
    const isCopied = media.mode === "copy";
    const removeMediaVolume = isCopied && settings.removeMediaVolume;
    const { server } = database;
    const brought = broughtClaims(source).map((name) => `claim ${name}, which is not the replica's`);
    const removed = [
        "the application",
        ...(server === undefined ? ["the database server"] : []),
        ...(server === undefined && removeDatabaseVolume ? ["the database's volume with every copy on it"] : []),
        ...(removeMediaVolume ? ["the media volume with every copy on it"] : []),
        ...(removeDatabaseVolume && (removeMediaVolume || !isCopied) && brought.length === 0
            ? [`namespace ${target.namespace}`]
            : []),
    ];
    const kept = [
        ...(server !== undefined || removeDatabaseVolume ? [] : ["the database's volume and its password"]),
        ...(removeMediaVolume || !isCopied ? [] : ["the media volume"]),
    ];
    const stays = [
        ...(kept.length === 0 ? [] : [`${kept.join(", ")}; the next up takes them over`]),
        ...(server === undefined ? [] : [describeDatabases(database, server)]),
        ...brought,
        ...(isCopied ? [] : ["production's media, which are only read"]),
    ];
    return [
        `Wipe of ${stackName} in namespace ${target.namespace} of context ${target.context}:`,
        `  goes:  ${removed.join(", ")}`,
        `  stays: ${stays.join("; ") || "nothing"}`,
    ].join("\n");
}

/** The same of production's side: what it has published stays. */
export function describeSourceWipe({ source, store, media }: PublisherSettings, stackName: string): string {
    const files = media === undefined ? "" : `the media on claims ${media.claim} and ${media.store}, `;
    return [
        `Wipe of ${stackName} in namespace ${source.namespace} of context ${source.context}:`,
        `  goes:  ${media === undefined ? "both" : "all"} schedules and their account, the catalogue in the cluster`,
        `  stays: every backup on claim ${store.claim}, ${files}the namespace and everything else in it`,
    ].join("\n");
}

/** The databases on a server that is brought, which nobody but its owner removes. */
function describeDatabases({ name, others }: Settings["database"], { host, port }: ServerAccess): string {
    const names = [name, ...others.map((other) => other.name)].join(", ");
    return `databases ${names} with every copy of them on ${host}:${port}; drop them there`;
}

/**
 * Asks whether to go on.
 *
 * @throws Error where nobody can answer
 */
export async function confirmed(): Promise<boolean> {
    if (!process.stdin.isTTY) {
        throw new Error("Nobody is there to be asked: add --yes if the wipe is meant.");
    }
    const asking = createInterface({ input: process.stdin, output: process.stderr });
    try {
        return /^y(es)?$/i.test((await asking.question("Go on? [y/N] ")).trim());
    } finally {
        asking.close();
    }
}
