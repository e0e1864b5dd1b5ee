/** Production's databases, dumped by the server's own program. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Connection } from "mysql2/promise";
import type { MysqlSource } from "../../contract/hosts";
import { type MysqlManifest, mysqlManifestVersion } from "../../contract/mysql";
import { outputOf, versionOf } from "../backup/program";
import { readSecret } from "../postgres/server";
import { Refusal } from "../refusal";
import type { SentFile } from "../transfer/frames";
import { packed } from "../transfer/packed";
import { Census } from "./census";
import { Checksums } from "./checksums";
import { connectTo, using } from "./connect";
import { rowsOf } from "./rows";
import { databaseSize, identityOf } from "./server";

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
    /** The databases one after the other, each with its manifest. No byte of them is ever in a file on this host. */
    files: AsyncIterable<SentFile>;
}

/** What a dump needs besides its plan. */
interface Dumping {
    program: string;
    /** Version of the program. */
    client: string;
    stamp: string;
    server: MysqlManifest["server"];
    connect(): Promise<Connection>;
    signal: AbortSignal;
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
    const connect = () => connectTo(plan, { user: server.user, password });
    return using(connect, async (connection) => {
        const [{ version } = { version: "" }] = await rowsOf<{ version: string }>(
            connection,
            "select version() as version",
        );
        const identifier = await identityOf(connection, /mariadb/i.test(version));
        const found = await programThere();
        await writeFile(way, optionsFor(server, password), { mode: 0o600 });
        // A replica's own server may be the target's as well.
        const told = { version, id: plan.replica ? "" : identifier };
        return { identifier, files: dumped(plan, { ...found, stamp, server: told, connect, signal }) };
    });
}

async function* dumped(plan: MysqlSource, dumping: Dumping): AsyncGenerator<SentFile> {
    const { program, client, stamp, server, connect, signal } = dumping;
    for (const database of plan.databases) {
        const begun = new Date().toISOString();
        const stem = `backup-${stamp}-${database}`;
        const backup = `${stem}.sql.gz`;
        const databaseBytes = await using(connect, (admin) => databaseSize({ admin }, database));
        const census = new Census(database);
        const sums = new Checksums(database, connect);
        await sums.begin();
        const hash = createHash("sha256");
        let bytes = 0;
        const args = [`--defaults-file=${way}`, ...options, database];
        const passing = sums.during(census, outputOf(program, args, { signal }));
        const written = packed((into) => pipeline(passing, createGzip(), into));
        try {
            yield {
                name: `hourly/${backup}`,
                bytes: (async function* () {
                    for await (const piece of written) {
                        hash.update(piece);
                        bytes += piece.length;
                        yield piece;
                    }
                })(),
            };
            const checksums = await sums.found();
            const manifest: MysqlManifest = {
                ...{ version: mysqlManifestVersion, engine: "mysql", backup, stamp, subject: database },
                ...{ begun, ended: new Date().toISOString(), client, server, bytes, databaseBytes },
                sha256: hash.digest("hex"),
                tables: Object.fromEntries(
                    [...census.tables].map(([table, rows]) => {
                        const checksum = checksums.get(table);
                        return [table, { rows, ...(checksum !== undefined && { checksum }) }];
                    }),
                ),
            };
            yield { name: `hourly/${stem}.json`, bytes: [Buffer.from(`${JSON.stringify(manifest)}\n`)] };
        } finally {
            await sums.end();
        }
    }
}

async function programThere(): Promise<{ program: string; client: string }> {
    for (const program of programs) {
        const client = await versionOf(program).catch(() => undefined);
        if (client !== undefined) {
            return { program, client };
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
