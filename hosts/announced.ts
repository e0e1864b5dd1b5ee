/** What stands on the target's host besides its databases: the announcement of the next refresh, and which copies are live. */
import { basename } from "node:path";
import { copyPlans, mediaLink } from "../contract";
import { onHost, put } from "./install";
import { folderOn, type Order } from "./order";
import { quoted, type Ways } from "./way";

/** What was found. */
export interface Found {
    /** The announcement as it was written; empty if there is none. */
    announced: string;
    /** Ids of the copies of the media and of further folders that are live, in the plan's order; empty where none is. */
    copies: string[];
}

/**
 * Looks at the target's host, which need not have the agent.
 *
 * @throws {Error} when it cannot be reached
 */
export async function findAnnounced(order: Order, ways: Ways): Promise<Found> {
    const links = copyPlans(order.target.plan).map(({ media }) => `${media.volume}/${mediaLink}`);
    const commands = [
        `cat ${pathOn(order)} 2>/dev/null; echo`,
        ...links.map((link) => `readlink ${quoted(link)} || echo`),
    ];
    const [announced = "", ...leads] = (await onHost(ways, order.target.host, commands.join("; "))).split("\n");
    return { announced, copies: links.map((_, at) => basename(leads[at] ?? "")) };
}

/** Writes an announcement down in the place of a former one. */
export async function writeAnnounced(order: Order, ways: Ways, announcement: object): Promise<void> {
    await put(ways, order.target.host, pathOn(order), Buffer.from(JSON.stringify(announcement)));
}

/** A word for the shell. The file goes with the agent. */
function pathOn(order: Order): string {
    return quoted(`${folderOn(order, order.target.host)}/announced.json`);
}
