import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type Connection, createConnection } from "mysql2/promise";
import { asServer, freePort, spawnAsServer } from "../test/postgres/server";
import { installPackages } from "./packages";

/** Debian's packages with the server, its clients, and what dumps are packed with. */
export const mariadbPackages = ["mariadb-server", "xz-utils", "zstd", "bzip2"];

const execute = promisify(execFile);

/** User that a server runs as when it is started as root, which MariaDB refuses. */
const nobody = 65534;

/** A throw-away MariaDB on loopback. */
export interface MariaDb {
    port: number;
    socket: string;
    /** Password of `root`, who may do everything. */
    password: string;
    /** Opens a connection as root, or as the given user. */
    connect(database?: string, as?: { user: string; password: string }): Promise<Connection>;
    /** Runs SQL as root, or as the given user, and returns the rows of the last statement. */
    query(
        database: string | undefined,
        sql: string,
        as?: { user: string; password: string },
    ): Promise<Record<string, unknown>[]>;
    /** Runs one of MariaDB's own client tools as root, and returns what it writes. */
    tool(name: string, args: string[], input?: Buffer | string): Promise<Buffer>;
    /** A shell's line with these tools, as root. */
    shell(line: string): Promise<void>;
    /** Everything on the server, as text that is equal for equal content: databases, accounts, rights and rows. */
    content(): Promise<string>;
    /** Ends the server as a power failure does, and starts it again. */
    crash(): Promise<void>;
    stop(): Promise<void>;
}

/** Starts a server without databases; ends with {@link MariaDb.stop}. */
export async function startMariaDb(settings: Record<string, string> = {}, parent = tmpdir()): Promise<MariaDb> {
    if (!existsSync("/usr/sbin/mariadbd")) {
        await installPackages(mariadbPackages);
    }
    const folder = mkdtempSync(join(parent, "understudy-mariadb-"));
    const data = join(folder, "data");
    const socket = join(folder, "socket");
    const password = "super secret";
    mkdirSync(data);
    if (userInfo().uid === 0) {
        chownSync(folder, nobody, nobody);
        chownSync(data, nobody, nobody);
    }
    const install = [
        "--no-defaults",
        `--datadir=${data}`,
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ];
    await asServer("mariadb-install-db", install);
    const port = await freePort();
    const all = { innodb_flush_log_at_trx_commit: "0", sync_binlog: "0", ...settings };
    const options = Object.entries(all).map(([key, value]) => `--${key}=${value}`);
    const own = [`--datadir=${data}`, `--socket=${socket}`, `--port=${port}`, "--bind-address=127.0.0.1"];
    const launch = () => spawnAsServer("mariadbd", ["--no-defaults", ...own, ...options]);
    let child = launch();
    // Its address is the same as production's would be: only the way to it says which one it is.
    const env = { ...process.env, MYSQL_PWD: password, MYSQL_UNIX_PORT: socket, USER: "root" };

    const connect: MariaDb["connect"] = async (database, as = { user: "root", password }) => {
        const options = { host: "127.0.0.1", port, ...as, ...(database !== undefined && { database }) };
        const connection = await createConnection({ ...options, multipleStatements: true, dateStrings: true });
        connection.on("error", () => undefined);
        return connection;
    };
    const tool: MariaDb["tool"] = (name, args, input) => {
        const running = execute(name, ["--no-defaults", "--user=root", ...args], {
            env,
            encoding: "buffer",
            maxBuffer: 2 ** 30,
        });
        running.child.stdin?.on("error", () => undefined);
        running.child.stdin?.end(input ?? "");
        return running.then(({ stdout }) => stdout);
    };
    const server: MariaDb = {
        port,
        socket,
        password,
        connect,
        async query(database, sql, as) {
            const connection = await connect(database, as);
            try {
                const [rows] = await connection.query(sql);
                const last = Array.isArray(rows) && Array.isArray(rows.at(-1)) ? rows.at(-1) : rows;
                return Array.isArray(last) ? (last as Record<string, unknown>[]) : [];
            } finally {
                await connection.end().catch(() => connection.destroy());
            }
        },
        tool,
        shell: (line) =>
            ended(spawn("bash", ["-o", "pipefail", "-c", line], { env, stdio: ["ignore", "ignore", "inherit"] })),
        content: async () => contentOf(server),
        async crash() {
            const gone = new Promise((resolve) => child.once("exit", resolve));
            child.kill("SIGKILL");
            await gone;
            child = launch();
            await answering(server, child);
        },
        async stop() {
            if (child.exitCode === null) {
                const gone = new Promise((resolve) => child.once("exit", resolve));
                child.kill("SIGTERM");
                await gone;
            }
            rmSync(folder, { recursive: true, force: true });
        },
    };
    await answering(server, child, true);
    await server.query(
        undefined,
        `alter user root@localhost identified by '${password}';
         create user if not exists root@'127.0.0.1' identified by '${password}';
         grant all on *.* to root@'127.0.0.1' with grant option`,
        { user: "root", password: "" },
    );
    return server;
}

async function contentOf({ query, tool }: MariaDb): Promise<string> {
    const databases = await query(
        undefined,
        `select schema_name as name from information_schema.schemata
          where schema_name not in ('mysql', 'sys', 'information_schema', 'performance_schema') order by 1`,
    );
    const names = databases.map(({ name }) => String(name));
    const options = ["--skip-comments", "--routines", "--events", "--triggers", "--hex-blob", "--order-by-primary"];
    const dump = names.length === 0 ? "" : await tool("mariadb-dump", [...options, "--databases", ...names]);
    const accounts = await query("mysql", "select * from global_priv order by 1, 2");
    const rights = await query("mysql", "select * from db order by 1, 2, 3");
    return `${dump.toString()}\n${JSON.stringify([accounts, rights])}`;
}

async function answering(server: MariaDb, child: ChildProcess, isNew = false): Promise<void> {
    while (child.exitCode === null) {
        try {
            await server.query(undefined, "select 1", isNew ? { user: "root", password: "" } : undefined);
            return;
        } catch {
            await sleep(50);
        }
    }
    throw new Error(`The MariaDB of this run ended with status ${child.exitCode}.`);
}

async function ended(child: ChildProcess): Promise<void> {
    const status = await new Promise((resolve) => child.once("close", resolve));
    if (status !== 0) {
        throw new Error(`${child.spawnargs.at(-1)} ended with status ${status}.`);
    }
}
