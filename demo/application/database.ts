import { setTimeout as pause } from "node:timers/promises";
import { Pool, type PoolConfig, type QueryResultRow } from "pg";

/** A connection pool that lives through a server, or a database, that goes away for a moment. */
export interface Database {
    /**
     * Runs one statement and returns its rows. If the database went away before it answered, the statement is run
     * once more after a short pause, so every statement has to be safe to repeat.
     *
     * @throws what PostgreSQL or the connection reported, if it was something else or happened again
     */
    query<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
    close(): Promise<void>;
}

/** Long enough for two databases to change places, short enough to go unnoticed. */
const pauseBeforeRetry = 400;

/** Session ended by an administrator, server starting or stopping, database renamed away, connection lost. */
const goneForAMoment = new Set([
    ...["57P01", "57P02", "57P03", "3D000", "08000", "08001", "08003", "08006"],
    ...["ECONNREFUSED", "ECONNRESET", "EPIPE"],
]);

/** Opens a pool. Nothing is connected before the first query. */
export function openDatabase(config: PoolConfig = {}): Database {
    const pool = new Pool({ max: 8, connectionTimeoutMillis: 5_000, ...config });
    // An idle connection that breaks is replaced by the pool; without a listener it would end the program.
    pool.on("error", (error) => console.error(`An idle database connection ended: ${error.message}`));
    return {
        async query<Row extends QueryResultRow>(text: string, values: unknown[] = []) {
            try {
                return (await pool.query<Row>(text, values)).rows;
            } catch (error) {
                if (!wentAway(error)) throw error;
                await pause(pauseBeforeRetry);
                return (await pool.query<Row>(text, values)).rows;
            }
        },
        close: () => pool.end(),
    };
}

/** Whether an error says that the database went away, rather than that the statement was wrong. */
export function wentAway(error: unknown): boolean {
    if (!(error instanceof Error)) return false;
    if ("code" in error && typeof error.code === "string") return goneForAMoment.has(error.code);
    return error.message.startsWith("Connection terminated");
}
