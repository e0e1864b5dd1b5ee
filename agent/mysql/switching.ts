import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "mysql2/promise";
import * as z from "zod";
import type { MysqlPlan } from "../../contract/mysql";
import { log } from "../report";
import { dropScratchAccount } from "./generations";
import { loginAccount } from "./login";
import { type DatabaseObject, dropping, madeFor, objectNames, retargeted, sleepingEvent } from "./objects";
import { quoted, quotedIn, rowsOf } from "./rows";
import type { MysqlServer } from "./server";
import { lockScratchAccount, makeScratchAccount, scratchOwner } from "./stage";
import { objectKinds } from "./statement";

const object = z.strictObject({ kind: z.enum(objectKinds), name: z.string(), sql: z.string(), settings: z.string() });

/** One database of a switch. */
const exchanged = z.strictObject({
    /** Live name. */
    live: z.string(),
    /** Where the next copy has stood until now. */
    next: z.string(),
    /** Where the copy in use is to go; there is none if left out. */
    former: z.string().optional(),
    /** Tables of both. */
    nextTables: z.array(z.string()),
    liveTables: z.array(z.string()),
    /** Columns of each view of the next copy, by its name. */
    columns: z.record(z.string(), z.array(z.string())),
    nextObjects: z.array(object),
    liveObjects: z.array(object),
});
export type Exchanged = z.infer<typeof exchanged>;

/** What a switch is about to do, written down before: whoever comes next can finish it, or undo it. */
const switching = z.strictObject({
    next: z.string(),
    former: z.string().optional(),
    databases: z.array(exchanged),
});
export type Switching = z.infer<typeof switching>;

/** Seconds that a switch of a run which has gone may still take in the server. */
const patience = 120;

/** Two names of one table that tell whether the renaming has happened: it is renamed together with all others. */
export function tokens(id: string): { before: string; after: string } {
    return { before: quotedIn("understudy", `switch_${id}`), after: quotedIn("understudy", `switched_${id}`) };
}

/** Lock of whoever is between the beginning and the end of a switch, in the session that does it. */
export function switchLock(id: string): string {
    return `understudy switch to ${id}`;
}

/** Triggers of both copies, which keep their tables from being renamed into another database. */
export function droppedTriggers(databases: Exchanged[], side: "live" | "next"): string[] {
    return databases.flatMap((one) =>
        one[`${side}Objects`].filter(({ kind }) => kind === "trigger").map((trigger) => dropping(trigger, one[side])),
    );
}

/** The statement that renames all tables of both copies. */
export function renaming({ next, databases }: Switching): string {
    const { before, after } = tokens(next);
    const pairs = databases.flatMap(({ live, former = "", next, liveTables, nextTables }) => [
        ...liveTables.map((table) => [quotedIn(live, table), quotedIn(former, table)]),
        ...nextTables.map((table) => [quotedIn(next, table), quotedIn(live, table)]),
    ]);
    return `rename table ${[...pairs, [before, after]].map(([from, to]) => `${from} to ${to}`).join(", ")}`;
}

/** Statements that give the live databases what the next copy has beside its tables, in the place of what is there. */
export function liveObjects({ nextObjects, liveObjects, columns, live, next }: Exchanged, account: string): string[] {
    const old = liveObjects.filter(({ kind }) => kind !== "trigger");
    return [
        ...old.map((one) => dropping(one, live)),
        ...making(nextObjects, { columns, into: live, from: next, account }),
    ];
}

/** Where objects are made, and for whom. */
interface Making {
    into: string;
    /** The database that they may name. */
    from: string;
    columns: Record<string, string[]>;
    account: string;
}

function making(objects: DatabaseObject[], { into, from, columns, account }: Making): string[] {
    // A view may need another one that comes later: that has its columns by then.
    const placeholders = Object.entries(columns).map(
        ([view, names]) =>
            `create or replace view ${quotedIn(into, view)} as select ${names.map((name) => `null as ${quoted(name)}`).join(", ")}`,
    );
    return [
        `use ${quoted(into)}`,
        ...placeholders,
        ...objects.flatMap((one) => {
            const sql = madeFor(retargeted(one, [from, into]), account);
            return [one.settings, one.kind === "view" ? sql.replace(/^CREATE /i, "CREATE OR REPLACE ") : sql];
        }),
    ];
}

/** Statements that write down which generation is live. */
export function recorded({ next, former }: Switching): string[] {
    return [
        "start transaction",
        ...(former === undefined ? [] : [`update understudy.generation set state = 'former' where id = '${former}'`]),
        `update understudy.generation set state = 'live', switched = now(3), away_ms = null, hooks = null where id = '${next}'`,
        "commit",
    ];
}

/** Writes down what a switch is about to do. */
export async function begin(admin: Connection, stack: string, plan: Switching): Promise<void> {
    await admin.query("replace into understudy.switching (stack, content) values (?, ?)", [
        stack,
        JSON.stringify(plan),
    ]);
    await admin.query(`create table if not exists ${tokens(plan.next).before} (nothing int) engine = InnoDB`);
}

/**
 * Finishes or undoes what a run has left in the middle of a switch. Afterwards exactly one whole copy is live, and the
 * application can log in.
 *
 * @throws {Error} when that run's session does not end
 */
export async function finishSwitching(server: MysqlServer, { stack, database }: MysqlPlan): Promise<void> {
    const { admin } = server;
    const [row] = await rowsOf<{ content: string }>(admin, "select content from understudy.switching where stack = ?", [
        stack,
    ]);
    if (row === undefined) {
        return;
    }
    const plan = switching.parse(JSON.parse(row.content));
    await waitFor(admin, switchLock(plan.next));
    const account = loginAccount(database.login);
    const after = await rowsOf(
        admin,
        "select 1 from information_schema.tables where table_schema = 'understudy' and table_name = ?",
        [`switched_${plan.next}`],
    );
    const worker = await server.connect();
    try {
        if (after.length > 0) {
            log(`finishing the switch to generation ${plan.next}, in which an earlier run was interrupted`);
            for (const one of plan.databases) {
                await dropObjects(worker, one.live);
                await all(worker, liveObjects({ ...one, liveObjects: [] }, account));
            }
            await all(worker, recorded(plan));
            await settleSwitch(worker, stack, plan, account);
        } else {
            log(`undoing the switch to generation ${plan.next}, in which an earlier run was interrupted`);
            await undoSwitch(worker, stack, plan, account);
        }
    } finally {
        await worker.end();
    }
}

/** Undoes a switch whose tables were not renamed: both copies get back what they had. */
export async function undoSwitch(
    worker: Connection,
    stack: string,
    { next: id, databases }: Switching,
    account: string,
): Promise<void> {
    for (const { live, next, liveObjects, nextObjects } of databases) {
        const sides = [[live, liveObjects, account] as const, [next, nextObjects, scratchOwner(id)] as const];
        for (const [database, objects, account] of sides) {
            const triggers = objects.filter(({ kind }) => kind === "trigger");
            await all(
                worker,
                triggers.map((trigger) => dropping(trigger, database)),
            );
            await all(worker, making(triggers, { into: database, from: database, columns: {}, account }));
        }
    }
    await all(worker, [`alter user ${account} account unlock`, `drop table if exists ${tokens(id).before}`]);
    await worker.query("delete from understudy.switching where stack = ?", [stack]);
}

/** After the renaming: the former copy gets what belongs to it, and what the switch needed goes. */
export async function settleSwitch(
    worker: Connection,
    stack: string,
    { next, former: id, databases }: Switching,
    account: string,
): Promise<void> {
    await worker.query(`alter user ${account} account unlock`);
    if (id !== undefined) {
        await makeScratchAccount(
            worker,
            id,
            databases.flatMap(({ former }) => former ?? []),
        );
        await lockScratchAccount(worker, id);
    }
    for (const { live, former, next: aside, liveObjects } of databases) {
        if (former !== undefined && id !== undefined) {
            await dropObjects(worker, former);
            // What the copy has been given while it was live may be due: in a former copy nothing is.
            const asleep = liveObjects.map(sleepingEvent);
            const account = scratchOwner(id);
            await makeFormer(worker, asleep, { into: former, from: live, columns: {}, account });
        }
        await worker.query(`drop database if exists ${quoted(aside)}`);
    }
    await dropScratchAccount(worker, next);
    await worker.query(`drop table if exists ${tokens(next).after}`);
    await worker.query("delete from understudy.switching where stack = ?", [stack]);
}

/** Makes the objects of a former copy, views in whatever order works. One that was broken in use stays out. */
async function makeFormer(worker: Connection, objects: DatabaseObject[], where: Making): Promise<void> {
    let left = objects;
    for (let before = -1; left.length !== before; ) {
        before = left.length;
        const failed: DatabaseObject[] = [];
        for (const one of left) {
            await all(worker, making([one], where)).catch(() => failed.push(one));
        }
        left = failed;
    }
    for (const { kind, name } of left) {
        log(`${kind} ${name} of the former copy could not be made anew: it could not be used before either`);
    }
}

async function dropObjects(worker: Connection, database: string): Promise<void> {
    for (const [kind, names] of await objectNames(worker, database)) {
        await all(
            worker,
            names.map((name) => dropping({ kind, name }, database)),
        );
    }
}

async function all(worker: Connection, statements: string[]): Promise<void> {
    for (const statement of statements) {
        await worker.query(statement);
    }
}

/** The server goes on with a switch whose run has gone. */
async function waitFor(admin: Connection, lock: string): Promise<void> {
    const deadline = Date.now() + patience * 1000;
    for (;;) {
        const [found] = await rowsOf<{ free: number }>(admin, "select is_free_lock(?) as free", [lock]);
        if (found?.free === 1) {
            return;
        }
        if (Date.now() > deadline) {
            throw new Error("An interrupted switch still runs in the server: look at its sessions, then run again.");
        }
        await sleep(250);
    }
}
