import { setTimeout as sleep } from "node:timers/promises";
import { type Client, DatabaseError, escapeIdentifier as name, escapeLiteral as text } from "pg";
import { generationName, loginRole, type Plan } from "../../contract";
import { Refusal } from "../refusal";
import { log } from "../report";
import { currentNames, describeGeneration, type Generation, isWhole, readGenerations } from "./generations";
import { renewPassword } from "./passwords";
import { scramVerifier } from "./scram";
import { readSecret, type Server, withServer } from "./server";

/** Seconds within which all sessions must have ended. */
const patience = 60;

/** Milliseconds between two rounds of ending sessions. */
const round = 10;

/**
 * Puts the plan's generation in the place of the live one. One transaction renames all databases of both and changes
 * who may log in; whatever happens to the run, exactly one generation has the live names.
 *
 * @returns a sentence on what was switched, or that it was live already; its login role's password then is the plan's too
 * @throws {Refusal} when that generation is not there or not proven
 */
export async function switchDatabase(plan: Plan, signal: AbortSignal): Promise<string> {
    const { database } = plan;
    const password = await readSecret(database.loginPasswordFile);
    return withServer(plan, "switch", signal, async (server) => {
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
            const renewed = await renewPassword(
                server.admin,
                database.login ?? loginRole(next.databases, next.id),
                password,
            );
            const done = renewed ? "its login role has its new password" : "nothing to do";
            return `${describeGeneration(next.id, next.databases)} is live already: ${done}.`;
        }
        const names = [next, ...(live === undefined ? [] : [live])].flatMap(currentNames);
        await refusePrepared(server.admin, names);
        const away = await exchange(
            server,
            live,
            next,
            names,
            { role: database.login, verifier: scramVerifier(password) },
            signal,
        );
        await server.admin.query("update understudy.generation set away_ms = $2 where id = $1", [next.id, away]);
        const before = live === undefined ? "the first one" : `in place of ${live.id}`;
        return `${describeGeneration(next.id, next.databases)} is live, ${before}; it was away for ${away} ms.`;
    });
}

/** A prepared transaction outlives every session, and keeps its database from being renamed. */
async function refusePrepared(admin: Client, databases: string[]): Promise<void> {
    const { rows } = await admin.query<{ gid: string; database: string }>(
        "select gid, database from pg_prepared_xacts where database = any ($1)",
        [databases],
    );
    if (rows[0] !== undefined) {
        throw new Refusal(
            `The prepared transaction "${rows[0].gid}" holds on to database ${rows[0].database}: commit it or roll it back, ` +
                "then run again.",
        );
    }
}

/** Who may log in afterwards, with which password as the server keeps it. */
interface Login {
    /** One that all generations have in common; the next one's own if left out. */
    role: string | undefined;
    verifier: string;
}

/** Renames live away and next in. `names` are those that their databases have now. Returns for how many milliseconds nobody could connect. */
async function exchange(
    server: Server,
    live: Generation | undefined,
    next: Generation,
    names: string[],
    login: Login,
    signal: AbortSignal,
): Promise<number> {
    const deadline = Date.now() + patience * 1000;
    const client = await server.connect("postgres");
    const stop = () => void client.end();
    signal.addEventListener("abort", stop);
    const start = performance.now();
    try {
        for (;;) {
            const fence = endSessions(server.admin, names);
            try {
                await rename(client, live, next, login);
                return Math.round(performance.now() - start);
            } catch (error) {
                signal.throwIfAborted();
                // 55006: somebody was still connected when the server's own patience ended.
                if (!(error instanceof DatabaseError && error.code === "55006")) {
                    throw error;
                }
                if (Date.now() > deadline) {
                    throw new Error(
                        `The switch was given up after ${patience} s: ${error.detail ?? error.message}. ` +
                            "The former copy stays live; look who holds on to it (pg_stat_activity).",
                    );
                }
                log("sessions are still open, trying again");
            } finally {
                await fence();
            }
        }
    } finally {
        signal.removeEventListener("abort", stop);
        await client.end();
    }
}

async function rename(
    client: Client,
    live: Generation | undefined,
    next: Generation,
    { role = loginRole(next.databases, next.id), verifier }: Login,
): Promise<void> {
    await client.query("begin");
    try {
        if (live !== undefined) {
            for (const database of live.databases.filter(({ present }) => present)) {
                const former = generationName(database.name, live.id);
                await client.query(`alter database ${name(database.current)} rename to ${name(former)}`);
            }
            await client.query("update understudy.generation set state = 'former' where id = $1", [live.id]);
            // Where all generations have one in common, there is none of its own.
            const former = loginRole(live.databases, live.id);
            const { rowCount } = await client.query("select from pg_roles where rolname = $1", [former]);
            if (rowCount === 1) {
                await client.query(`alter role ${name(former)} nologin`);
            }
        }
        for (const database of next.databases) {
            await client.query(`alter database ${name(database.current)} rename to ${name(database.name)}`);
        }
        await client.query(
            "update understudy.generation set state = 'live', switched = now(), away_ms = null, hooks = '{}' where id = $1",
            [next.id],
        );
        await client.query(`alter role ${name(role)} login password ${text(verifier)}`);
        await client.query("commit");
    } catch (error) {
        await client.query("rollback").catch(() => undefined);
        throw error;
    }
}

/**
 * Ends the sessions of these databases again and again: the rename waits for the last one, and clients reconnect.
 *
 * @returns stops it
 */
function endSessions(admin: Client, databases: string[]): () => Promise<void> {
    let ended = false;
    const work = (async () => {
        while (!ended) {
            await admin.query(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = any ($1) and pid <> pg_backend_pid()",
                [databases],
            );
            await sleep(round);
        }
    })();
    // A lost connection shows in the rename as well.
    work.catch(() => undefined);
    return async () => {
        ended = true;
        await work.catch(() => undefined);
    };
}
