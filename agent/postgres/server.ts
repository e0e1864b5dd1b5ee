import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, DatabaseError } from "pg";
import type { Command, Plan } from "../../contract";
import { Refusal } from "../refusal";
import { log } from "../report";
import { lockShared, lockStack } from "./lock";
import { renewPassword } from "./passwords";
import type { PsqlTarget } from "./psql";

/** The server of the replica's databases, known to be the right one. */
export interface Server {
    /** Superuser's connection to database `postgres`; {@link withServer}'s holds the lock. */
    admin: Client;
    /** Major version, for example 15, and the whole, for example `15.20`. */
    major: number;
    version: string;
    /** What the server calls itself, whatever its address is. */
    identifier: string;
    /** Opens another connection of the superuser. */
    connect(database: string): Promise<Client>;
    /** How psql connects as the superuser. */
    target(database: string): PsqlTarget;
    /** What could not be checked because the source does not tell. */
    unknown: string[];
    close(): Promise<void>;
}

/** Milliseconds that a server has for a word after something has failed. */
const probePatience = 5_000;

/** Seconds to wait for a server that is still starting. */
const startPatience = 60;

/**
 * Works on the replica's server. Nobody else changes meanwhile what is this stack's, nor, but for a switch, what stacks
 * share: another stack's run is waited for.
 *
 * @throws {Refusal} when it is production's server, or not marked as this stack's, or no superuser's to change, or in use
 *   by another run of this stack
 * @throws {Error} that says so when the connection was lost meanwhile, else what the work throws
 */
export async function withServer<T>(
    plan: Plan,
    command: Command,
    signal: AbortSignal,
    work: (server: Server) => Promise<T>,
): Promise<T> {
    const server = await inspectServer(plan, command);
    try {
        await lockStack(server.admin, plan.stack);
        // A switch renames what is the stack's alone, and is to be over in a moment whatever others do.
        if (command !== "switch") {
            await lockShared(server.admin, signal);
        }
        return await work(server);
    } catch (error) {
        if (error instanceof Refusal || (await answers(server))) {
            throw error;
        }
        const { host, port } = plan.database.server;
        const reason = error instanceof Error ? error.message.replace(/[.\s]+$/, "") : error;
        throw new Error(
            `The server ${host}:${port} has gone (${reason}): look whether it runs and what its log says, then run again.`,
        );
    } finally {
        await server.close();
    }
}

/** Whether the connection of the lock still stands. Nobody waits for long to hear it. */
async function answers({ admin }: Server): Promise<boolean> {
    const silence = new AbortController();
    try {
        const late = sleep(probePatience, undefined, { signal: silence.signal }).then(() => {
            throw new Error("no answer");
        });
        await Promise.race([admin.query("select"), late]);
        return true;
    } catch {
        return false;
    } finally {
        silence.abort();
    }
}

/**
 * Connects to the replica's server, whoever is at it, and makes sure that it is the replica's.
 *
 * @throws {Refusal} when it is production's server, or not marked as this stack's, or no superuser's to change
 */
export async function inspectServer(plan: Plan, command: Command): Promise<Server> {
    const { passwordFile } = plan.database.server;
    const password = passwordFile === undefined ? "" : await readSecret(passwordFile);
    const name = `understudy ${command} ${plan.database.generation}`;
    const { host, port, user } = plan.database.server;
    const connect = (database: string) => connectTo(plan, password, database, name);
    const target = (database: string) => ({ host, port, user, password, database, applicationName: name });
    const { admin, isBehind } = await connectFirst(plan, password, name);
    try {
        const { version, identifier, superuser } = await identity(admin);
        if (!superuser) {
            throw ordinaryUser(plan);
        }
        const unknown = refuseSource(plan, identifier);
        await refuseStranger(admin, plan);
        if (isBehind) {
            await renewPassword(admin, user, password);
        }
        const major = Number.parseInt(version, 10);
        return { admin, version, major, identifier, connect, target, unknown, close: () => admin.end() };
    } catch (error) {
        await admin.end();
        throw error;
    }
}

/**
 * A secret's file without the newline at its end.
 *
 * @throws {Refusal} when it cannot be read or is empty
 */
export async function readSecret(path: string): Promise<string> {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
        throw new Refusal(`The password file ${path} cannot be read (${error.code}): mount the Secret there.`);
    });
    const password = text.replace(/\r?\n$/, "");
    if (password === "") {
        throw new Refusal(`The password file ${path} is empty: write the password into its Secret.`);
    }
    return password;
}

/** Connects with the superuser's password, or with one that it had before the stack file asked for another. */
async function connectFirst(plan: Plan, password: string, name: string): Promise<{ admin: Client; isBehind: boolean }> {
    try {
        return { admin: await connectTo(plan, password, "postgres", name), isBehind: false };
    } catch (error) {
        for (const former of error instanceof WrongPassword ? await formerPasswords(plan) : []) {
            const admin = await connectTo(plan, former, "postgres", name).catch(unlessWrong);
            if (admin !== undefined) {
                return { admin, isBehind: true };
            }
        }
        throw error;
    }
}

async function formerPasswords({ database: { server } }: Plan): Promise<string[]> {
    const { formerPasswordsFile } = server;
    const text = formerPasswordsFile === undefined ? "" : await readFile(formerPasswordsFile, "utf8");
    return text.split("\n").filter((line) => line !== "");
}

function unlessWrong(error: unknown): undefined {
    if (!(error instanceof WrongPassword)) {
        throw error;
    }
}

/** The server takes another one. */
class WrongPassword extends Refusal {}

async function connectTo(plan: Plan, password: string, database: string, name: string): Promise<Client> {
    const { host, port, user } = plan.database.server;
    const deadline = Date.now() + startPatience * 1000;
    for (;;) {
        const client = new Client({
            host,
            port,
            user,
            password,
            database,
            application_name: name,
            connectionTimeoutMillis: 10_000,
            // A database can bring a search path of its own, with functions that must not run as superuser. And the
            // lock of a run whose node is gone has to come free in minutes.
            options:
                "-c search_path=pg_catalog -c statement_timeout=0 -c lock_timeout=0 " +
                "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3",
        });
        // Without a listener a lost connection would end the process; whoever queries next hears of it anyway.
        client.on("error", () => undefined);
        try {
            await client.connect();
            return client;
        } catch (error) {
            await client.end().catch(() => undefined);
            const reason = error instanceof Error ? error.message || String((error as NodeJS.ErrnoException).code) : "";
            const code = (error as { code?: string }).code;
            if (code === "28P01" || code === "28000") {
                throw new WrongPassword(
                    `The server ${host}:${port} does not take the password of user ${user} (${reason}): ` +
                        "correct its Secret; a kept volume wants the one that was kept with it.",
                );
            }
            // A marked server lets nobody else into its own databases.
            if (code === "42501") {
                throw ordinaryUser(plan);
            }
            // 57P03: the server is starting up. Other answers of a server are final.
            if ((error instanceof DatabaseError && code !== "57P03") || Date.now() > deadline) {
                throw new Refusal(
                    `The server ${host}:${port} cannot be used (${reason}): look whether it runs and what its log says.`,
                );
            }
            log(`waiting for the server ${host}:${port} (${reason})`);
            await sleep(1000);
        }
    }
}

/** What the server says of itself, and of whom it takes the agent for. */
interface Identity {
    version: string;
    identifier: string;
    superuser: boolean;
}

async function identity(admin: Client): Promise<Identity> {
    const { rows } = await admin.query<Identity>(
        `select split_part(current_setting('server_version'), ' ', 1) as version,
                (select system_identifier::text from pg_control_system()) as identifier,
                (select usesuper from pg_user where usename = current_user) as superuser`,
    );
    const row = rows[0];
    if (row === undefined) {
        throw new Error("The server did not tell its identity.");
    }
    return row;
}

function ordinaryUser({ database }: Plan): Refusal {
    const { host, port, user } = database.server;
    return new Refusal(
        `User ${user} of the server ${host}:${port} is no superuser, as whoever restores and switches has to be: ` +
            "write a superuser to database.server.user.",
    );
}

/** Refuses production's own server; returns what remains unknown. */
function refuseSource({ source, database }: Plan, identifier: string): string[] {
    if (source.systemIdentifier === undefined) {
        return ["whether the server is production's own, by system identifier: source.systemIdentifier is not set"];
    }
    if (source.systemIdentifier === identifier) {
        throw productionsOwn(database, identifier);
    }
    return [];
}

/** Says that a server is production's. */
export function productionsOwn({ server }: Plan["database"], identifier: string, because = ""): Refusal {
    return new Refusal(
        `The server ${server.host}:${server.port} is production's own (system identifier ${identifier}${because}): point the ` +
            "replica at a server of its own.",
    );
}

/** Refuses a server that does not carry this stack's marker. */
async function refuseStranger(admin: Client, { stack, database }: Plan): Promise<void> {
    const where = `${database.server.host}:${database.server.port}`;
    const mark =
        `pipe what \`understudy marker ${stack.split("/").at(-1)}\` prints into psql, as a superuser in database ` +
        "postgres.";
    const marked = await admin.query("select to_regclass('understudy.replica') is not null as marked");
    if (marked.rows[0]?.marked !== true) {
        throw new Refusal(
            `The server ${where} does not carry the marker of a replica (table understudy.replica in database ` +
                `postgres): if it is to be this replica's and is not production's, ${mark}`,
        );
    }
    const { rows } = await admin.query<{ stack: string }>("select stack from understudy.replica order by created");
    const stacks = rows.map((row) => row.stack);
    if (!stacks.includes(stack)) {
        throw new Refusal(
            `The server ${where} belongs to the replica of stack ${stacks.join(", ") || "nobody"}, not of ${stack}: ` +
                `use another namespace or another server, or wipe that volume; or, if it is to be both's, ${mark}`,
        );
    }
}

/** Works with another connection of the superuser, which ends when the run is stopped. */
export async function withClient<T>(
    server: Server,
    database: string,
    signal: AbortSignal,
    work: (client: Client) => Promise<T>,
): Promise<T> {
    const client = await server.connect(database);
    // A long query would not end by itself when the run is stopped.
    const stop = () => void client.end();
    signal.addEventListener("abort", stop);
    try {
        return await work(client);
    } catch (error) {
        signal.throwIfAborted();
        throw error;
    } finally {
        signal.removeEventListener("abort", stop);
        await client.end();
    }
}

/** Names of the databases on the server. */
export async function databaseNames(admin: Client): Promise<Set<string>> {
    const { rows } = await admin.query<{ datname: string }>("select datname from pg_database");
    return new Set(rows.map(({ datname }) => datname));
}

/** Bytes of a database. */
export async function databaseSize({ admin }: Server, database: string): Promise<number> {
    const { rows } = await admin.query<{ size: string }>("select pg_database_size($1::text) as size", [database]);
    return Number(rows[0]?.size);
}
