/** Production's databases, dumped by the server's own program. */
import { writeFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { MysqlSource } from "../../contract/hosts";
import { outputOf, versionOf } from "../backup/program";
import { readSecret } from "../postgres/server";
import { Refusal } from "../refusal";
import type { SentFile } from "../transfer/frames";
import { packed } from "../transfer/packed";
import { connectTo } from "./connect";
import { rowsOf } from "./rows";
import { identityOf } from "./server";

/** Programs that dump, the first one that is there: MySQL calls its own as MariaDB did. */
const programs = ["mariadb-dump", "mysqldump"];

/** One state of the database, without a lock on its tables, and all that belongs to it. */
const options = [
    ...["--single-transaction", "--quick", "--hex-blob", "--default-character-set=utf8mb4"],
    ...["--routines", "--events", "--triggers"],
];

/** File in the run's folder with the way to the server, which nobody else can read. */
const way = "way.cnf";

/** A dump that can begin. */
export interface MysqlDump {
    /** What production's server calls itself. */
    identifier: string;
    /** The databases one after the other. No byte of them is ever in a file on this host. */
    files: AsyncIterable<SentFile>;
}

/**
 * Makes a dump of production's databases ready.
 *
 * @param stamp under which they are kept
 * @throws {Refusal} when the server does not let us in, or no program is there
 */
export async function openDump(plan: MysqlSource, stamp: string, signal: AbortSignal): Promise<MysqlDump> {
    const { server } = plan;
    const password = server.passwordFile === undefined ? "" : await readSecret(server.passwordFile);
    const connection = await connectTo(plan, { user: server.user, password });
    try {
        const [{ version } = { version: "" }] = await rowsOf<{ version: string }>(
            connection,
            "select version() as version",
        );
        const identifier = await identityOf(connection, /mariadb/i.test(version));
        const program = await programThere();
        await writeFile(way, optionsFor(server, password), { mode: 0o600 });
        return { identifier, files: dumped(program, plan, stamp, signal) };
    } finally {
        await connection.end().catch(() => connection.destroy());
    }
}

async function* dumped(
    program: string,
    { databases }: MysqlSource,
    stamp: string,
    signal: AbortSignal,
): AsyncGenerator<SentFile> {
    for (const database of databases) {
        const args = [`--defaults-file=${way}`, ...options, database];
        yield {
            name: `hourly/backup-${stamp}-${database}.sql.gz`,
            bytes: packed((into) => pipeline(outputOf(program, args, { signal }), createGzip(), into)),
        };
    }
}

async function programThere(): Promise<string> {
    for (const program of programs) {
        const isThere = await versionOf(program).then(
            () => true,
            () => false,
        );
        if (isThere) {
            return program;
        }
    }
    throw new Refusal(
        `Neither ${programs.join(" nor ")} is on the source's host: install the server's client programs there, or write ` +
            "source.database.command.",
    );
}

/** What would be arguments, which everybody on the host sees. */
function optionsFor(server: MysqlSource["server"], password: string): string {
    const place = "socket" in server ? { socket: server.socket } : { host: server.host, port: String(server.port) };
    const values = { ...place, user: server.user, password };
    const lines = Object.entries(values).map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, "\\$&")}"`);
    return ["[client]", ...lines, ""].join("\n");
}
