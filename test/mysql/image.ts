/**
 * The database's service of a bundle without a container engine: Debian's MariaDB, brought up as the entrypoint of the
 * official image (docker-entrypoint.sh of mariadb and mysql, which are alike here) does it with the compose file's values.
 */
import { execFile, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { createConnection } from "mysql2/promise";
import { asServer, freePort, spawnAsServer } from "../postgres/server";

const execute = promisify(execFile);

/** User that the server runs as when it is started as root. */
const nobody = 65534;

/** What of the compose file counts. */
export interface ImageService {
    image: string;
    command: string[];
    environment: Record<string, string>;
    healthcheck: { test: string[] };
}

export interface ImageServer {
    /** What the health check said before the dumps were loaded, behind each of them, and in the end. */
    health: boolean[];
    /** Runs SQL as the account of the environment and returns the rows of the last statement. */
    query(database: string | undefined, sql: string): Promise<Record<string, unknown>[]>;
    /** Runs a client's program as root. */
    tool(name: string, args: string[]): Promise<string>;
    stop(): Promise<void>;
}

/** @param dumps what is mounted as /docker-entrypoint-initdb.d */
export async function startImage(service: ImageService, dumps: string): Promise<ImageServer> {
    const { environment, healthcheck, command } = service;
    const [kind = ""] = service.image.split(":");
    const variable = (name: string) => environment[`${kind.toUpperCase()}_${name}`] ?? "";
    const folder = mkdtempSync(join(tmpdir(), "understudy-image-"));
    chmodSync(folder, 0o700);
    if (userInfo().uid === 0) {
        chownSync(folder, nobody, nobody);
    }
    const data = join(folder, "data");
    const socket = join(folder, "socket");
    const port = await freePort();
    const env = { ...process.env, MYSQL_PWD: "", MYSQL_TCP_PORT: String(port) };
    const root = ["--no-defaults", "--protocol=socket", "-uroot", "-hlocalhost", `--socket=${socket}`];
    const launch = (...more: string[]) => {
        const own = [`--datadir=${data}`, `--socket=${socket}`, `--port=${port}`, "--bind-address=127.0.0.1"];
        const child = spawnAsServer("mariadbd", ["--no-defaults", ...own, `--tmpdir=${folder}`, ...command, ...more]);
        const gone = new Promise((resolve) => child.once("exit", resolve));
        return async () => {
            child.kill("SIGTERM");
            await gone;
        };
    };
    const shell = (line: string, ...args: string[]) =>
        execute("bash", ["-eo", "pipefail", "-c", line, "bash", ...args], { env });
    const [how, line = ""] = healthcheck.test;
    const isHealthy = () => {
        expectShell(how);
        return spawnSync("sh", ["-c", line], { env }).status === 0;
    };
    const patiently = async (what: () => unknown) => {
        for (let left = 300; ; left--) {
            try {
                return await what();
            } catch (error) {
                if (left === 0) {
                    throw error;
                }
                await sleep(100);
            }
        }
    };

    await asServer("mariadb-install-db", [
        "--no-defaults",
        `--datadir=${data}`,
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]);
    const stopTemporary = launch("--skip-networking");
    await patiently(() => shell('mariadb "$@" <<< "select 1"', ...root));
    const accounts = [
        `alter user root@localhost identified by '${variable("ROOT_PASSWORD")}'`,
        `create user '${variable("USER")}'@'%' identified by '${variable("PASSWORD")}'`,
    ];
    await shell('sql=$1; shift; printf %s "$sql" | mariadb "$@"', accounts.join(";\n"), ...root);
    env.MYSQL_PWD = variable("ROOT_PASSWORD");
    const health = [isHealthy()];
    for (const name of readdirSync(dumps).sort()) {
        await shell('file=$1; shift; gunzip -c "$file" | mariadb "$@"', join(dumps, name), ...root);
        health.push(isHealthy());
    }
    await stopTemporary();
    const stop = launch();
    await patiently(() => {
        if (!isHealthy()) {
            throw new Error("The server does not become healthy.");
        }
    });
    return {
        health: [...health, true],
        async query(database, sql) {
            const account = { user: variable("USER"), password: variable("PASSWORD") };
            const where = { host: "127.0.0.1", port, ...(database !== undefined && { database }) };
            const connection = await createConnection({ ...where, ...account, multipleStatements: true });
            try {
                const [rows] = await connection.query(sql);
                const last = Array.isArray(rows) && Array.isArray(rows.at(-1)) ? rows.at(-1) : rows;
                return Array.isArray(last) ? (last as Record<string, unknown>[]) : [];
            } finally {
                await connection.end();
            }
        },
        tool: async (name, args) => (await execute(name, [...root, ...args], { env, maxBuffer: 2 ** 30 })).stdout,
        async stop() {
            await stop();
            rmSync(folder, { recursive: true, force: true });
        },
    };
}

function expectShell(how: string | undefined): void {
    if (how !== "CMD-SHELL") {
        throw new Error(`The health check is ${how} and no line of a shell.`);
    }
}
