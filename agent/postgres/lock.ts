import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { Refusal } from "../refusal";
import { log } from "../report";

/**
 * Key of the lock on what the stacks of a server share: its names, roles and bases. The key of each stack's own lock is
 * made with it. The number means nothing; every version of the agent has to have the same one.
 */
const lockKey = "7305118223";

/** Milliseconds between two looks whether another stack's run has ended. */
const interval = 250;

/**
 * Takes the lock of one stack, which ends with the connection.
 *
 * @throws {Refusal} that says who has it
 */
export async function lockStack(admin: Client, stack: string): Promise<void> {
    const { rows } = await admin.query<{ key: string }>("select hashtextextended($1, $2)::text as key", [
        stack,
        lockKey,
    ]);
    const key = String(rows[0]?.key);
    if (!(await tryLock(admin, key))) {
        throw new Refusal(
            `Another run is at this server: ${await holder(admin, key)}. Wait for its end, then run again.`,
        );
    }
}

/** Takes the lock on what stacks share, as soon as no other one has it. */
export async function lockShared(admin: Client, signal: AbortSignal): Promise<void> {
    let waiting = false;
    while (!(await tryLock(admin, lockKey))) {
        if (!waiting) {
            waiting = true;
            log(`waiting for another stack's run at this server: ${await holder(admin, lockKey)}`);
        }
        await sleep(interval, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
}

async function tryLock(admin: Client, key: string): Promise<boolean> {
    const { rows } = await admin.query<{ locked: boolean }>("select pg_try_advisory_lock($1) as locked", [key]);
    return rows[0]?.locked === true;
}

/** Who has a lock, and since when. */
async function holder(admin: Client, key: string): Promise<string> {
    const { rows } = await admin.query<{ name: string; since: string }>(
        `select a.application_name as name, to_char(a.backend_start at time zone 'UTC', 'HH24:MI:SS') as since
           from pg_locks l join pg_stat_activity a using (pid)
          where l.locktype = 'advisory' and l.granted and l.classid::bigint = ($1::bigint >> 32) & 4294967295
            and l.objid::bigint = $1::bigint & 4294967295`,
        [key],
    );
    const { name = "another run", since = "a moment ago" } = rows[0] ?? {};
    return `${name}, since ${since} UTC`;
}
