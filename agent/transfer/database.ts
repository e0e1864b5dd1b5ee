import { rm } from "node:fs/promises";
import { isMysql, type ReplicaPlan } from "../../contract/mysql";
import { say } from "../attended";
import { engineOf } from "../engine";
import { into, receive } from "./receive";

/** Folder of the run in which what arrives stands until it is restored. */
const incoming = "incoming";

/**
 * Makes the plan's generation of a backup that arrives on standard input, which is asked for when all else fits. What has
 * arrived is removed, whatever comes of it.
 *
 * @returns a sentence on what was made, or that it was there already
 * @throws as the restore does, and when the backup does not arrive whole
 */
export async function receiveDatabase(
    plan: ReplicaPlan,
    input: AsyncIterable<Buffer>,
    signal: AbortSignal,
): Promise<string> {
    if (await isThere(plan)) {
        return engineOf(plan).prepare(signal);
    }
    await say(JSON.stringify({ event: "wanted" }));
    try {
        const { stamp, identifier } = await receive(input, into(incoming));
        signal.throwIfAborted();
        return await engineOf(arrived(plan, stamp, identifier)).prepare(signal);
    } finally {
        await rm(incoming, { recursive: true, force: true });
    }
}

/** The plan, about what has arrived. Whose server is not production's, its own name tells. */
function arrived(plan: ReplicaPlan, stamp: string, identifier: string | undefined): ReplicaPlan {
    const setting = isMysql(plan) ? "serverId" : "systemIdentifier";
    const source = { ...plan.source, ...(identifier !== undefined && { [setting]: identifier }) };
    return { ...plan, source, database: { ...plan.database, backup: stamp, backups: incoming } } as ReplicaPlan;
}

/** Whether the server is the replica's, and has the generation already. */
async function isThere(plan: ReplicaPlan): Promise<boolean> {
    const { databases } = await engineOf(plan).found();
    return databases.some(({ id, state }) => id === plan.database.generation && state !== "preparing");
}
