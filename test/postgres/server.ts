import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { appendFileSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "pg";
import { installPackages } from "../../dev/packages";
import { loopback } from "../network";

/** Where Debian's packages put PostgreSQL 15. */
export const binaries = "/usr/lib/postgresql/15/bin";

const execute = promisify(execFile);

/** User that a server runs as when the tests run as root, which PostgreSQL refuses. */
const nobody = 65534;

/** A throw-away PostgreSQL. */
export interface TestServer {
    port: number;
    /** Password of the superuser `postgres`. */
    password: string;
    /** Runs SQL as superuser, or as the given user, and returns the rows of the last statement. */
    query(database: string, sql: string, as?: { user: string; password: string }): Promise<Record<string, unknown>[]>;
    /** Runs one of PostgreSQL's own client tools as superuser and returns what it writes. */
    tool(name: string, args: string[]): Promise<Buffer>;
    /** Everything on the server, as text that is equal for equal content: roles, databases, rights and rows. */
    content(): Promise<string>;
    /** Ends the server as a power failure does, unless it has ended by itself, and starts it again. */
    crash(): Promise<void>;
    stop(): Promise<void>;
}

/**
 * Starts a server with an empty cluster; ends with {@link TestServer.stop}.
 *
 * @param parent folder that its data goes into
 * @param programs folder of the server's programs; the client's are Debian's in any case
 * @param place machine that it runs on, whose neighbours it lets in as well
 */
export async function startServer(
    settings: Record<string, string> = {},
    parent = tmpdir(),
    programs = binaries,
    place = loopback,
): Promise<TestServer> {
    if (!existsSync(`${binaries}/postgres`)) {
        await installPackages(["postgresql-15"]);
    }
    const folder = mkdtempSync(join(parent, "understudy-postgres-"));
    const data = join(folder, "data");
    const password = "super secret";
    writeFileSync(join(folder, "password"), password);
    mkdirSync(data);
    if (userInfo().uid === 0) {
        for (const path of [folder, data, join(folder, "password")]) {
            chownSync(path, nobody, nobody);
        }
    }
    await asServer(join(programs, "initdb"), [
        ...["-D", data, "-U", "postgres", "--auth=scram-sha-256", `--pwfile=${join(folder, "password")}`],
        ...["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
    ]);
    appendFileSync(join(data, "pg_hba.conf"), "host all all samenet scram-sha-256\n");
    const port = await freePort();
    const addresses = [...new Set(["127.0.0.1", place.address])].join(",");
    const all = { fsync: "off", listen_addresses: addresses, unix_socket_directories: "", ...settings };
    const options = Object.entries(all).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
    const launch = () =>
        spawnAsServer(join(programs, "postgres"), ["-D", data, "-p", String(port), ...options], place.enter);
    let child = launch();
    const env = {
        ...process.env,
        PGPASSWORD: password,
        PGHOST: place.address,
        PGPORT: String(port),
        PGUSER: "postgres",
    };

    const query: TestServer["query"] = async (database, sql, as = { user: "postgres", password }) => {
        const client = new Client({ host: place.address, port, database, ...as });
        client.on("error", () => undefined);
        try {
            await client.connect();
            const result = await client.query(sql);
            return (Array.isArray(result) ? result.at(-1) : result).rows;
        } finally {
            await client.end();
        }
    };
    const tool: TestServer["tool"] = async (name, args) => {
        const options = { env, encoding: "buffer", maxBuffer: 2 ** 30 } as const;
        return (await execute(join(binaries, name), args, options)).stdout;
    };
    const server: TestServer = {
        port,
        password,
        query,
        tool,
        // A random key makes two dumps of the same differ.
        content: async () => (await tool("pg_dumpall", [])).toString().replaceAll(/^\\(un)?restrict .*$/gm, ""),
        async crash() {
            if (child.exitCode === null) {
                const ended = new Promise((resolve) => child.once("exit", resolve));
                child.kill("SIGKILL");
                await ended;
            }
            // As long as one of its processes has not noticed, its memory is in use and another server does not start.
            for (let attempt = 0; child.exitCode !== null || child.signalCode !== null; attempt++) {
                child = launch();
                await answering(server, child, data).catch(async (error) => {
                    if (attempt > 50) {
                        throw error;
                    }
                    await sleep(100);
                });
            }
        },
        async stop() {
            const ended = new Promise((resolve) => child.once("exit", resolve));
            if (child.exitCode === null) {
                child.kill("SIGINT");
                await ended;
            }
            rmSync(folder, { recursive: true, force: true });
        },
    };
    await answering(server, child, data);
    return server;
}

/** Two tests may have taken the same port: the one that comes second must not work on the other's server. */
async function answering(server: TestServer, child: ChildProcess, data: string): Promise<void> {
    while (child.exitCode === null) {
        const found = await server.query("postgres", "show data_directory").catch(() => []);
        if (found[0]?.data_directory === data) {
            return;
        }
        await sleep(50);
    }
    throw new Error(`The test's PostgreSQL ended with status ${child.exitCode}.`);
}

/** A program as another user, if need be, that ends with the test: one that fails early stops nothing itself. */
function wrapped(words: string[], enter: string[] = []): [string, string[]] {
    const user = userInfo().uid === 0 ? [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"] : [];
    // Only root may enter.
    const [program = "", ...args] = [...enter, "setpriv", "--pdeathsig=QUIT", ...user, ...words];
    return [program, args];
}

/** Runs a program that refuses to be root. */
export async function asServer(program: string, args: string[]): Promise<void> {
    await execute(...wrapped([program, ...args]), { cwd: "/" });
}

/** Starts a program that refuses to be root, behind a {@link Place}'s words; it ends with the test at the latest. */
export function spawnAsServer(program: string, args: string[], enter: string[] = []): ChildProcess {
    // setpriv becomes the server itself, so that a signal reaches it.
    return spawn(...wrapped([program, ...args], enter), { cwd: "/", stdio: "ignore" });
}

/** Ports below those that the system gives to whoever connects: there it may take any of them at any moment. */
const ports = { from: 16_384, to: 32_767 };

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
    const port = randomInt(ports.from, ports.to);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
        probe.once("error", () => resolve(false));
        probe.listen(port, "127.0.0.1", () => resolve(true));
    });
    await new Promise((resolve) => probe.close(resolve));
    return isFree ? port : freePort();
}
