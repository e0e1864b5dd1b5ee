import { setTimeout as sleep } from "node:timers/promises";
import { type Connection, createConnection } from "mysql2/promise";
import type { MysqlDatabasePlan } from "../../contract/mysql";
import { Refusal } from "../refusal";
import { log } from "../report";

/** Seconds to wait for a server that is still starting. */
const startPatience = 60;

/** The server takes neither the password nor the account. */
const denied = new Set([1045, 1698]);

/** Nobody listens yet, too many sessions for now, or a server that is starting up or going down. */
const passing = new Set([
    "ECONNREFUSED",
    "ECONNRESET",
    "ENOENT",
    "ETIMEDOUT",
    "EAI_AGAIN",
    "ENOTFOUND",
    "EHOSTUNREACH",
    "PROTOCOL_CONNECTION_LOST",
    "ER_CON_COUNT_ERROR",
    "ER_SERVER_SHUTDOWN",
]);

/** Who connects, and for what. */
export interface Visitor {
    user: string;
    password: string;
    /** None if left out. */
    database?: string;
    /** Whether SQL is handed over as it is, byte by byte, one character for each. */
    raw?: boolean;
    /** Whether several statements may go together. */
    several?: boolean;
}

/** Where a server is, for people. */
export function placeOf({ server }: Pick<MysqlDatabasePlan, "server">): string {
    return "socket" in server ? server.socket : `${server.host}:${server.port}`;
}

/**
 * Opens a connection. Every one has the same mode and time zone, whatever the server's own are.
 *
 * @throws {Refusal} when the server is not there, or does not let the account in
 */
export async function connectTo(
    plan: Pick<MysqlDatabasePlan, "server">,
    { user, password, database, raw = false, several = false }: Visitor,
): Promise<Connection> {
    const { server } = plan;
    const place = placeOf(plan);
    const deadline = Date.now() + startPatience * 1000;
    for (;;) {
        try {
            const connection = await createConnection({
                ...("socket" in server ? { socketPath: server.socket } : { host: server.host, port: server.port }),
                ...{ user, password, ...(database !== undefined && { database }) },
                charset: raw ? "BINARY" : "UTF8MB4_BIN",
                timezone: "Z",
                supportBigNumbers: true,
                multipleStatements: several,
                connectTimeout: 10_000,
                enableKeepAlive: true,
                // Nothing of a dump makes the agent read its own files, nor changes how it writes what follows.
                flags: ["-LOCAL_FILES", "-SESSION_TRACK"],
            });
            // Without a listener a lost connection would end the process; whoever queries next hears of it anyway.
            connection.on("error", () => undefined);
            await connection.query("set session sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00'");
            return connection;
        } catch (error) {
            const { errno, code, message } = error as NodeJS.ErrnoException;
            if (denied.has(errno ?? 0)) {
                throw new Refusal(
                    `The server ${place} does not take the password of user ${user}: correct its Secret; a kept volume ` +
                        "wants the one that was kept with it.",
                );
            }
            if (!passing.has(code ?? "") || Date.now() > deadline) {
                throw new Refusal(
                    `The server ${place} cannot be used (${message || code}): look whether it runs and what its log says.`,
                );
            }
            log(`waiting for the server ${place} (${message || code})`);
            await sleep(1000);
        }
    }
}

/** Works with a connection of its own. */
export async function using<T>(
    connect: () => Promise<Connection>,
    work: (connection: Connection) => Promise<T>,
): Promise<T> {
    const connection = await connect();
    try {
        return await work(connection);
    } finally {
        await connection.end().catch(() => connection.destroy());
    }
}
