import { randomBytes } from "node:crypto";
import { Client, escapeIdentifier as name, escapeLiteral as text } from "pg";
import { scratchRoles } from "./generations";
import { scramVerifier } from "./scram";
import { type Server, withClient } from "./server";

/** A database of a generation, by the name that it has now, and who owns it, or something in it. */
export interface Acting {
    generation: string;
    database: string;
    owner: string;
}

/**
 * Works in a database as an owner, in a session that can become nobody else but the database's own. A superuser's session that
 * has merely set its role is no such thing: any function that production has left behind a name could set it back.
 *
 * @throws {Error} when the owner is a superuser
 */
export async function actingAsOwner<T>(
    server: Server,
    { generation, database, owner }: Acting,
    signal: AbortSignal,
    work: (client: Client) => Promise<T>,
): Promise<T> {
    const role = scratchRoles(generation).acting;
    const password = randomBytes(24).toString("base64url");
    await dropRole();
    const roles = await rolesWithRights();
    // Parameters and errors can hold secrets, which have no place in the server's log.
    await server.admin.query(
        `create role ${name(role)} login inherit in role ${roles} password ${text(scramVerifier(password))};
         alter role ${name(role)} set log_min_messages = panic`,
    );
    try {
        return await inSession();
    } finally {
        await withClient(server, database, signal, (admin) =>
            admin.query(`reassign owned by ${name(role)} to ${name(owner)}`),
        );
        await dropRole();
    }

    async function inSession(): Promise<T> {
        const { host, port, applicationName } = server.target(database);
        const client = new Client({
            ...{ host, port, database, user: role, password, application_name: applicationName },
            options: `-c role=${owner.replaceAll(/[\\\s]/g, "\\$&")} -c statement_timeout=0 -c lock_timeout=0`,
        });
        client.on("error", () => undefined);
        await client.connect();
        // It may be in the middle of anything: the server ends it.
        const stop = () => void endSessions();
        signal.addEventListener("abort", stop);
        try {
            signal.throwIfAborted();
            return await work(client);
        } catch (error) {
            signal.throwIfAborted();
            throw error;
        } finally {
            signal.removeEventListener("abort", stop);
            await client.end().catch(() => undefined);
        }
    }

    /** The owner, and who may connect to the database: its own. */
    async function rolesWithRights(): Promise<string> {
        const { rows } = await server.admin.query<{ role: string; isSuper: boolean }>(
            `select rolname as role, rolsuper as "isSuper" from pg_roles
              where rolname = $1 or oid = (select datdba from pg_database where datname = $2)`,
            [owner, database],
        );
        const found = rows.find(({ isSuper }) => isSuper);
        if (found !== undefined) {
            throw new Error(
                `In database ${database}, something belongs to the superuser ${found.role}: nothing is run as one.`,
            );
        }
        return rows.map((row) => name(row.role)).join(", ");
    }

    async function endSessions(): Promise<void> {
        await server.admin
            .query("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", [role])
            .catch(() => undefined);
    }

    async function dropRole(): Promise<void> {
        await endSessions();
        await server.admin.query(`drop role if exists ${name(role)}`);
    }
}
