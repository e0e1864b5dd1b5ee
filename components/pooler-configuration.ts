/** What pgBouncer is told. */

/** pgBouncer's own port. */
export const poolerPort = 6432;

/** Arguments of {@link poolerConfiguration}. */
export interface PoolerConfigurationArgs {
    /** The database's server. */
    server: { host: string; port: number };
    /** Names of the databases, the same for clients and on the server. */
    databases: string[];
    /** File with the login role and its password, as {@link userList} makes it. */
    userList: string;
    /** Connections that are open to the server even when nobody asks. */
    minPoolSize: number;
    /** Most connections to the server; further clients wait for one. */
    maxConnections: number;
}

/** The text of `pgbouncer.ini`. It holds no secret, and asks for nothing that pgBouncer 1.18 does not know. */
export function poolerConfiguration(args: PoolerConfigurationArgs): string {
    const { server, databases, userList, minPoolSize, maxConnections } = args;
    const settings = {
        listen_addr: "*",
        listen_port: poolerPort,
        // There is no folder for a socket: the root file system is read-only.
        unix_socket_dir: "",
        auth_type: "scram-sha-256",
        auth_file: userList,
        pool_mode: "transaction",
        min_pool_size: minPoolSize,
        default_pool_size: maxConnections,
        max_db_connections: maxConnections,
        max_client_conn: 1000,
        // Before and during a switch the role is turned away; the default of 15 would go on turning clients away after it.
        server_login_retry: 1,
        // Sent by some drivers, and of no consequence since PostgreSQL 12.
        ignore_startup_parameters: "extra_float_digits",
        // Probes come every few seconds.
        log_connections: 0,
        log_disconnections: 0,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    return [
        "[databases]",
        ...databases.map((name) => `${name} = host=${server.host} port=${server.port} dbname=${name}`),
        "",
        "[pgbouncer]",
        ...lines,
        "",
    ].join("\n");
}

/**
 * A role and its password as pgBouncer reads them from a file.
 *
 * @param password without quotation marks
 */
export function userList(role: string, password: string): string {
    return `"${role}" "${password}"\n`;
}
