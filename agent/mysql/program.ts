/** The server's own program that dumps. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MysqlSource } from "../../contract/hosts";
import { outputOf, versionOf } from "../backup/program";
import { Refusal } from "../refusal";

/** Programs that dump, the first one that is there: MySQL calls its own as MariaDB did. */
const programs = ["mariadb-dump", "mysqldump"];

/** One state of the database, without a lock on its tables, and all that belongs to it. */
const options = [
    ...["--single-transaction", "--quick", "--hex-blob", "--default-character-set=utf8mb4"],
    ...["--routines", "--events", "--triggers"],
];

/** File in the run's folder with the way to the server, which nobody else can read. */
const way = "way.cnf";

/** A program that can begin. */
export interface DumpProgram {
    name: string;
    version: string;
    /** What it writes of a database. */
    dump(database: string, signal: AbortSignal): AsyncGenerator<Buffer>;
}

/**
 * Makes the program ready that dumps a server's databases.
 *
 * @param absent what is said where there is none, behind the programs' names
 * @param folder of the run, for the file with the password; whoever made the folder removes it
 * @throws {Refusal} when there is none
 */
export async function openProgram(
    server: MysqlSource["server"],
    password: string,
    absent: string,
    folder = ".",
): Promise<DumpProgram> {
    const { name, version } = await programThere(absent);
    const file = join(folder, way);
    await writeFile(file, optionsFor(server, password), { mode: 0o600 });
    return {
        ...{ name, version },
        dump: (database, signal) => outputOf(name, [`--defaults-file=${file}`, ...options, database], { signal }),
    };
}

async function programThere(absent: string): Promise<{ name: string; version: string }> {
    for (const name of programs) {
        const version = await versionOf(name).catch(() => undefined);
        if (version !== undefined) {
            return { name, version };
        }
    }
    throw new Refusal(`Neither ${programs.join(" nor ")} ${absent}`);
}

/** What would be arguments, which everybody on the host sees. */
function optionsFor(server: MysqlSource["server"], password: string): string {
    const place = "socket" in server ? { socket: server.socket } : { host: server.host, port: String(server.port) };
    const values = { ...place, user: server.user, password };
    const lines = Object.entries(values).map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, "\\$&")}"`);
    return ["[client]", ...lines, ""].join("\n");
}
