import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "mysql2/promise";
import { generationName } from "../../contract";
import type { MysqlPlan } from "../../contract/mysql";
import { Refusal } from "../refusal";
import { currentNames, describeGeneration, type Generation, isWhole, readGenerations } from "./generations";
import { ensureLogin } from "./login";
import { objectsIn } from "./objects";
import { quoted, quotedIn, rowsOf } from "./rows";
import { type MysqlServer, withServer } from "./server";
import {
    begin,
    droppedTriggers,
    type Exchanged,
    finishSwitching,
    liveObjects,
    recorded,
    renaming,
    type Switching,
    settleSwitch,
    switchLock,
    tokens,
    undoSwitch,
} from "./switching";

/** Number of the error that a lock was waited for too long. */
const lockWait = 1205;

/** Seconds within which all sessions must have let go of the tables. */
const patience = 60;

/** Milliseconds between two rounds of ending sessions. */
const round = 10;

/**
 * Puts the plan's generation in the place of the live one. One statement renames all tables of both; whatever happens to
 * the run, the server goes on to the end of the switch, or the next run finishes or undoes it.
 *
 * @returns a sentence on what was switched, or that it was live already; the application's account then has the plan's password
 * @throws {Refusal} when that generation is not there or not proven
 */
export async function switchDatabase(plan: MysqlPlan, signal: AbortSignal): Promise<string> {
    const { database } = plan;
    return withServer(plan, async (server) => {
        await finishSwitching(server, plan);
        const generations = await readGenerations(server.admin, plan);
        const next = generations.find(({ id }) => id === database.generation);
        if (next === undefined || next.state === "preparing" || !isWhole(next)) {
            throw new Refusal(
                `${describeGeneration(database.generation, database.databases)} is not restored and proven: ` +
                    "run prepare-database first.",
            );
        }
        const live = generations.find(({ state }) => state === "live");
        if (next === live) {
            await ensureLogin(server.admin, plan);
            return `${describeGeneration(next.id, next.databases)} is live already: nothing to do.`;
        }
        signal.throwIfAborted();
        const away = await exchange(server, plan, live, next);
        await server.admin.query("update understudy.generation set away_ms = ? where id = ?", [away, next.id]);
        const before = live === undefined ? "the first one" : `in place of ${live.id}`;
        return `${describeGeneration(next.id, next.databases)} is live, ${before}; it was away for ${away} ms.`;
    });
}

/** Renames live away and next in. Returns for how many milliseconds nobody could log in. */
async function exchange(
    server: MysqlServer,
    plan: MysqlPlan,
    live: Generation | undefined,
    next: Generation,
): Promise<number> {
    const { stack, database } = plan;
    const { admin } = server;
    const own = database.login.user;
    const names = [...(live === undefined ? [] : currentNames(live)), ...currentNames(next)];
    const account = await ensureLogin(admin, plan);
    const isWaiting = await isHeld(server, live);
    const worker = await server.connect({ several: true });
    const ending = () => endSessions(admin, own, names, worker.threadId ?? 0);
    try {
        const unhold = isWaiting ? ending() : async () => undefined;
        const databases: Exchanged[] = [];
        for (const { name, current } of next.databases) {
            databases.push(await exchangedIn(worker, name, current, live));
        }
        await unhold();
        const switching: Switching = { next: next.id, ...(live && { former: live.id }), databases };
        await worker.query("select get_lock(?, 0)", [switchLock(next.id)]);
        await worker.query("set session lock_wait_timeout = ?", [patience]);
        await begin(admin, stack, switching);
        await all(worker, droppedTriggers(databases, "next"));
        const fence = ending();
        const start = performance.now();
        try {
            // In one go: a server obeys all of it, whatever becomes of whoever has sent it.
            await worker.query(
                [
                    `alter user ${account} account lock`,
                    ...droppedTriggers(databases, "live"),
                    renaming(switching),
                    ...databases.flatMap((one) => liveObjects(one, account)),
                    ...recorded(switching),
                    `alter user ${account} account unlock`,
                ].join(";\n"),
            );
        } catch (error) {
            await fence();
            throw await givenUp(server, worker, stack, switching, account, error);
        }
        const away = Math.round(performance.now() - start);
        await fence();
        await settleSwitch(worker, stack, switching, account);
        return away;
    } finally {
        await worker.end().catch(() => worker.destroy());
    }
}

/** Whether somebody has a table of the live copy for themselves, so that nobody can even look at it. */
async function isHeld(server: MysqlServer, live: Generation | undefined): Promise<boolean> {
    const looker = await server.connect();
    try {
        await looker.query("set session lock_wait_timeout = 1");
        for (const { current } of live?.databases ?? []) {
            for (const table of await tablesOf(looker, current)) {
                await looker.query(`select 1 from ${quotedIn(current, table)} limit 0`);
            }
        }
        return false;
    } catch (error) {
        if ((error as { errno?: number }).errno === lockWait) {
            return true;
        }
        throw error;
    } finally {
        await looker.end();
    }
}

/** What a switch of one database is about. The live database is made if there is none. */
async function exchangedIn(
    admin: Connection,
    name: string,
    current: string,
    live: Generation | undefined,
): Promise<Exchanged> {
    const former = live && generationName(name, live.id);
    await admin.query(`create database if not exists ${quoted(name)} character set utf8mb4`);
    if (former !== undefined) {
        await admin.query(`create database if not exists ${quoted(former)} character set utf8mb4`);
    }
    return {
        live: name,
        next: current,
        ...(former !== undefined && { former }),
        nextTables: await tablesOf(admin, current),
        liveTables: await tablesOf(admin, name),
        columns: await viewColumns(admin, current),
        nextObjects: await objectsIn(admin, current),
        liveObjects: await objectsIn(admin, name),
    };
}

/** The reason why a switch was given up, when what it has begun is undone or finished. */
async function givenUp(
    server: MysqlServer,
    worker: Connection,
    stack: string,
    switching: Switching,
    account: string,
    error: unknown,
): Promise<Error> {
    const reason = error instanceof Error ? error.message.replace(/[.\s]+$/, "") : String(error);
    const [isRenamed] = await rowsOf(
        server.admin,
        "select 1 from information_schema.tables where table_schema = 'understudy' and table_name = ?",
        [tokens(switching.next).after.replaceAll("`", "").split(".").at(-1)],
    );
    if (isRenamed !== undefined) {
        return new Error(`The switch was interrupted (${reason}): run again, which finishes it.`);
    }
    await undoSwitch(worker, stack, switching, account);
    return new Error(
        `The switch was given up: ${reason}. The former copy stays live; look who holds on to it (show processlist, xa recover).`,
    );
}

async function tablesOf(admin: Connection, database: string): Promise<string[]> {
    const rows = await rowsOf<{ name: string }>(
        admin,
        "select table_name as name from information_schema.tables where table_schema = ? and table_type <> 'VIEW' order by 1",
        [database],
    );
    return rows.map(({ name }) => name);
}

async function viewColumns(admin: Connection, database: string): Promise<Record<string, string[]>> {
    const rows = await rowsOf<{ view: string; name: string }>(
        admin,
        `select v.table_name as view, column_name as name
           from information_schema.views v join information_schema.columns c using (table_schema, table_name)
          where table_schema = ? order by v.table_name, ordinal_position`,
        [database],
    );
    const columns: Record<string, string[]> = {};
    for (const { view, name } of rows) {
        columns[view] = [...(columns[view] ?? []), name];
    }
    return columns;
}

async function all(worker: Connection, statements: string[]): Promise<void> {
    for (const statement of statements) {
        await worker.query(statement);
    }
}

/**
 * Ends the sessions of the application, and those in these databases, again and again: the renaming waits for the last one.
 *
 * @returns stops it
 */
function endSessions(admin: Connection, user: string, databases: string[], own: number): () => Promise<void> {
    let ended = false;
    const work = (async () => {
        while (!ended) {
            const sessions = await rowsOf<{ id: number }>(
                admin,
                `select id as id from information_schema.processlist
                  where (user = ? or db in (?)) and id not in (connection_id(), ?) and command <> 'Daemon'`,
                [user, databases, own],
            );
            for (const { id } of sessions) {
                // It may have ended by itself.
                await admin.query(`kill ${id}`).catch(() => undefined);
            }
            await sleep(round);
        }
    })();
    // A lost connection shows in the renaming as well.
    work.catch(() => undefined);
    return async () => {
        ended = true;
        await work.catch(() => undefined);
    };
}
