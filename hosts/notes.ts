/** What stands on the target's host besides its databases: what is written down about the replica, and which copies are live. */
import { basename } from "node:path";
import { copyPlans, mediaLink } from "../contract";
import { type NoteName, type Notes, notes as names } from "../lifecycle/notes";
import { onHost, put } from "./install";
import { folderOn, type Order } from "./order";
import { quoted, type Ways } from "./way";

/** What was found. */
export interface Found {
    notes: Notes;
    /** Ids of the copies of the media and of further folders that are live, in the plan's order; empty where none is. */
    copies: string[];
}

/**
 * Looks at the target's host, which need not have the agent.
 *
 * @throws {Error} when it cannot be reached
 */
export async function findNotes(order: Order, ways: Ways): Promise<Found> {
    const links = copyPlans(order.target.plan).map(({ media }) => `${media.volume}/${mediaLink}`);
    const commands = [
        ...names.map((name) => `cat ${pathOn(order, name)} 2>/dev/null; echo`),
        ...links.map((link) => `readlink ${quoted(link)} || echo`),
    ];
    const lines = (await onHost(ways, order.target.host, commands.join("; "))).split("\n");
    const found = names.flatMap((name, at) => (lines[at] ? [[name, lines[at]]] : []));
    return {
        notes: Object.fromEntries(found),
        copies: links.map((_, at) => basename(lines[names.length + at] ?? "")),
    };
}

/** Writes a note down in the place of a former one, or takes it away. */
export async function writeNoteOn(order: Order, ways: Ways, name: NoteName, content: object | null): Promise<void> {
    const path = pathOn(order, name);
    await (content === null
        ? onHost(ways, order.target.host, `rm -f ${path}`)
        : put(ways, order.target.host, path, Buffer.from(JSON.stringify(content))));
}

/** A word for the shell. The file goes with the agent. */
function pathOn(order: Order, name: NoteName): string {
    return quoted(`${folderOn(order, order.target.host)}/${name}.json`);
}
