import { createHash } from "node:crypto";
import type { Connection } from "mysql2/promise";
import { Refusal } from "../refusal";
import { rowsOf } from "./rows";

/**
 * Takes the lock of one stack, which ends with the connection.
 *
 * @throws {Refusal} that says who has it
 */
export async function lockStack(admin: Connection, stack: string): Promise<void> {
    // A name of a lock has 64 characters at most.
    const name = `understudy ${createHash("sha256").update(stack).digest("hex").slice(0, 40)}`;
    const [got] = await rowsOf<{ locked: number | null }>(admin, "select get_lock(?, 0) as locked", [name]);
    if (got?.locked !== 1) {
        throw new Refusal(
            `Another run is at this server: ${await holder(admin, name)}. Wait for its end, then run again.`,
        );
    }
}

/** Who has a lock, and for how long. */
async function holder(admin: Connection, name: string): Promise<string> {
    const [found] = await rowsOf<{ id: number; host: string; user: string }>(
        admin,
        "select id as id, host as host, user as user from information_schema.processlist where id = is_used_lock(?)",
        [name],
    );
    return found === undefined
        ? "one that has just ended"
        : `connection ${found.id} of ${found.user} from ${found.host}`;
}
