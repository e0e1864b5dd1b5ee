import { createInterface } from "node:readline/promises";
import type { Settings } from "../settings";

/** What a wipe removes and what it leaves, in one sentence each. */
export function describeWipe({ target, removeDatabaseVolume, removeMediaVolume }: Settings, stackName: string): string {
    const removed = [
        "the application",
        "the database server",
        ...(removeDatabaseVolume ? ["the database's volume with every copy on it"] : []),
        ...(removeMediaVolume ? ["the media volume with every copy on it"] : []),
        ...(removeDatabaseVolume && removeMediaVolume ? [`namespace ${target.namespace}`] : []),
    ];
    const kept = [
        ...(removeDatabaseVolume ? [] : ["the database's volume and its password"]),
        ...(removeMediaVolume ? [] : ["the media volume"]),
    ];
    return [
        `Wipe of ${stackName} in namespace ${target.namespace} of context ${target.context}:`,
        `  goes:  ${removed.join(", ")}`,
        `  stays: ${kept.length === 0 ? "nothing" : `${kept.join(", ")}; the next up takes them over`}`,
    ].join("\n");
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
