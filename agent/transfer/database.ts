import { rm } from "node:fs/promises";
import type { Plan } from "../../contract";
import { say } from "../attended";
import { isWhole, readGenerations } from "../postgres/generations";
import { prepareDatabase } from "../postgres/restore";
import { inspectServer } from "../postgres/server";
import { receive } from "./receive";

/** Folder of the run in which what arrives stands until it is restored. */
const incoming = "incoming";

/**
 * Makes the plan's generation of a backup that arrives on standard input, which is asked for when all else fits. What has
 * arrived is removed, whatever comes of it.
 *
 * @returns as {@link prepareDatabase} does
 * @throws as it does, and when the backup does not arrive whole
 */
export async function receiveDatabase(plan: Plan, input: AsyncIterable<Buffer>, signal: AbortSignal): Promise<string> {
    if (await isThere(plan)) {
        return prepareDatabase(plan, signal);
    }
    await say(JSON.stringify({ event: "wanted" }));
    try {
        const { stamp, systemIdentifier } = await receive(input, incoming);
        signal.throwIfAborted();
        const source = { ...plan.source, ...(systemIdentifier !== undefined && { systemIdentifier }) };
        const database = { ...plan.database, backup: stamp, backups: incoming };
        return await prepareDatabase({ ...plan, source, database }, signal);
    } finally {
        await rm(incoming, { recursive: true, force: true });
    }
}

/** Whether the server is the replica's, and has the generation already. */
async function isThere(plan: Plan): Promise<boolean> {
    const server = await inspectServer(plan, "prepare-database");
    try {
        const generations = await readGenerations(server.admin, plan);
        return generations.some(
            (one) => one.id === plan.database.generation && one.state !== "preparing" && isWhole(one),
        );
    } finally {
        await server.close();
    }
}
