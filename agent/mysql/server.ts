import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "mysql2/promise";
import type { MysqlPlan } from "../../contract/mysql";
import { readSecret } from "../postgres/server";
import { Refusal } from "../refusal";
import { connectTo, placeOf, type Visitor } from "./connect";
import { lockStack } from "./lock";
import { rowsOf } from "./rows";

/** The server of the replica's databases, known to be the right one. */
export interface MysqlServer {
    /** {@link withServer}'s holds the lock. */
    admin: Connection;
    /** Whole version, for example `10.11.6-MariaDB`. */
    version: string;
    isMariaDb: boolean;
    /** What the server calls itself, whatever its address is. */
    identifier: string;
    /** Opens another connection, of the account that may make databases unless another one is named. */
    connect(visitor?: Partial<Visitor>): Promise<Connection>;
    /** What could not be checked because the source does not tell. */
    unknown: string[];
    close(): Promise<void>;
}

/** Milliseconds that a server has for a word after something has failed. */
const probePatience = 5_000;

/**
 * Works on the replica's server, while no other run of the stack does.
 *
 * @throws {Refusal} when it is production's server, or not marked as this stack's, or the account may not change it, or
 *   another run of this stack is at it
 * @throws {Error} that says so when the connection was lost meanwhile, else what the work throws
 */
export async function withServer<T>(plan: MysqlPlan, work: (server: MysqlServer) => Promise<T>): Promise<T> {
    const server = await inspectServer(plan);
    try {
        await lockStack(server.admin, plan.stack);
        return await work(server);
    } catch (error) {
        if (error instanceof Refusal || (await answers(server))) {
            throw error;
        }
        const reason = error instanceof Error ? error.message.replace(/[.\s]+$/, "") : error;
        throw new Error(
            `The server ${placeOf(plan.database)} has gone (${reason}): look whether it runs and what its log says, then run again.`,
        );
    } finally {
        await server.close();
    }
}

/** Whether the connection of the lock still stands. Nobody waits for long to hear it. */
async function answers({ admin }: MysqlServer): Promise<boolean> {
    const silence = new AbortController();
    try {
        const late = sleep(probePatience, undefined, { signal: silence.signal }).then(() => {
            throw new Error("no answer");
        });
        await Promise.race([admin.query("select 1"), late]);
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
 * @throws {Refusal} when it is production's server, or not marked as this stack's, or the account may not change it
 */
export async function inspectServer(plan: MysqlPlan): Promise<MysqlServer> {
    const { user, passwordFile } = plan.database.server;
    const password = passwordFile === undefined ? "" : await readSecret(passwordFile);
    const connect = (visitor: Partial<Visitor> = {}) => connectTo(plan.database, { user, password, ...visitor });
    const admin = await connect();
    const close = () => admin.end().catch(() => admin.destroy());
    try {
        const [{ version } = { version: "" }] = await rowsOf<{ version: string }>(admin, "select version() as version");
        const isMariaDb = /mariadb/i.test(version);
        const identifier = await identityOf(admin, isMariaDb);
        const unknown = refuseSource(plan, identifier);
        await refuseOrdinaryAccount(admin, plan);
        await refuseStranger(admin, plan);
        return { admin, version, isMariaDb, identifier, connect, unknown, close };
    } catch (error) {
        await close();
        throw error;
    }
}

/** What a server calls itself. Older ones of MariaDB have no such name: where they are has to do. */
export async function identityOf(admin: Connection, isMariaDb: boolean): Promise<string> {
    const [found] = await rowsOf<{ Value: string }>(
        admin,
        `show global variables like '${isMariaDb ? "server_uid" : "server_uuid"}'`,
    );
    const [place] = await rowsOf<{ place: string }>(
        admin,
        "select concat_ws(':', @@hostname, @@port, @@datadir) as place",
    );
    return found?.Value ?? place?.place ?? "";
}

/** Refuses production's own server; returns what remains unknown. */
function refuseSource({ source, database }: MysqlPlan, identifier: string): string[] {
    if (source.serverId === undefined) {
        return ["whether the server is production's own, by its id: source.serverId is not set"];
    }
    if (source.serverId === identifier) {
        throw productionsOwn(database, identifier);
    }
    return [];
}

/** Says that a server is production's. */
export function productionsOwn(database: MysqlPlan["database"], identifier: string, because = ""): Refusal {
    return new Refusal(
        `The server ${placeOf(database)} is production's own (server id ${identifier}${because}): point the replica at a ` +
            "server of its own.",
    );
}

/** Makes accounts and gives them rights: nobody else can restore or switch. */
async function refuseOrdinaryAccount(admin: Connection, { database }: MysqlPlan): Promise<void> {
    const [found] = await rowsOf<{ may: number }>(
        admin,
        `select count(*) as may from information_schema.user_privileges
          where grantee = concat('''', replace(current_user(), '@', '''@'''), '''')
            and privilege_type in ('CREATE USER', 'PROCESS', 'DROP', 'CREATE') and is_grantable = 'YES'`,
    );
    if (found?.may !== 4) {
        throw new Refusal(
            `User ${database.server.user} of the server ${placeOf(database)} may not make databases and accounts and give ` +
                "them rights, as whoever restores and switches has to: write one with all privileges and the grant " +
                "option to database.server.user.",
        );
    }
}

/** Refuses a server that does not carry this stack's marker. */
async function refuseStranger(admin: Connection, { stack, database }: MysqlPlan): Promise<void> {
    const place = placeOf(database);
    const mark = `pipe what \`understudy marker ${stack.split("/").at(-1)}\` prints into its client (mariadb or mysql).`;
    const marked = await rowsOf(
        admin,
        "select 1 from information_schema.tables where table_schema = 'understudy' and table_name = 'replica'",
    );
    if (marked.length === 0) {
        throw new Refusal(
            `The server ${place} does not carry the marker of a replica (table understudy.replica): if it is to be this ` +
                `replica's and is not production's, ${mark}`,
        );
    }
    const found = await rowsOf<{ stack: string }>(admin, "select stack from understudy.replica order by created");
    const stacks = found.map((row) => row.stack);
    if (!stacks.includes(stack)) {
        throw new Refusal(
            `The server ${place} belongs to the replica of stack ${stacks.join(", ") || "nobody"}, not of ${stack}: ` +
                `use another namespace or another server, or wipe that volume; or, if it is to be both's, ${mark}`,
        );
    }
}

/** Works with another connection, which is cut when the run is stopped. */
export async function withConnection<T>(
    server: MysqlServer,
    visitor: Partial<Visitor>,
    signal: AbortSignal,
    work: (connection: Connection) => Promise<T>,
): Promise<T> {
    const connection = await server.connect(visitor);
    const id = connection.threadId;
    // A long query would go on in the server after its client has gone.
    const stop = () => void server.admin.query(`kill ${id}`).catch(() => undefined);
    signal.addEventListener("abort", stop);
    try {
        signal.throwIfAborted();
        return await work(connection);
    } catch (error) {
        signal.throwIfAborted();
        throw error;
    } finally {
        signal.removeEventListener("abort", stop);
        await connection.end().catch(() => connection.destroy());
    }
}

/** Names of the databases on the server. */
export async function databaseNames(admin: Connection): Promise<Set<string>> {
    const found = await rowsOf<{ name: string }>(admin, "select schema_name as name from information_schema.schemata");
    return new Set(found.map(({ name }) => name));
}

/** Bytes of a database's rows and indexes, as the server estimates them. */
export async function databaseSize({ admin }: Pick<MysqlServer, "admin">, database: string): Promise<number> {
    const [found] = await rowsOf<{ bytes: number | string | null }>(
        admin,
        `select sum(data_length + index_length) as bytes from information_schema.tables where table_schema = ?`,
        [database],
    );
    return Number(found?.bytes ?? 0);
}
