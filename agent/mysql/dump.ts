/** Production's databases, dumped by the server's own program. */
import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Connection } from "mysql2/promise";
import type { MysqlSource } from "../../contract/hosts";
import { type MysqlManifest, manifestVersion } from "../../contract/manifest";
import { readSecret } from "../postgres/server";
import type { SentFile } from "../transfer/frames";
import { packed } from "../transfer/packed";
import { Census } from "./census";
import { Checksums } from "./checksums";
import { connectTo, using } from "./connect";
import { type DumpProgram, openProgram } from "./program";
import { rowsOf } from "./rows";
import { databaseSize, identityOf } from "./server";

/** What is dumped, and where. */
type Dumped = Pick<MysqlSource, "server" | "replica">;

/** A server that can be dumped. */
export interface MysqlDumps {
    /** What it calls itself. */
    identifier: string;
    /** Its version. */
    version: string;
    /** Name of the program that dumps. */
    program: string;
    /** A dump of one database, which is made while it is read. */
    of(database: string, run: DumpRun): MysqlDump;
}

/** Under which stamp a dump is made, and what production's tag is then. */
export type DumpRun = Pick<MysqlManifest, "stamp" | "imageTag">;

/** A dump under way. */
export interface MysqlDump {
    /** Name of its file. */
    backup: string;
    /** Its bytes, compressed, of which none is ever in a file of ours. */
    bytes: AsyncIterable<Buffer>;
    /** What it has held, once all bytes have passed. */
    manifest(): MysqlManifest;
}

/** What a dump needs besides its plan. */
interface Dumping {
    program: DumpProgram;
    server: MysqlManifest["server"];
    connect(): Promise<Connection>;
    signal: AbortSignal;
}

/**
 * Makes dumps of production's server ready.
 *
 * @param folder of the run, for a file with the password that only this user can read; whoever made the folder removes it
 * @throws {Refusal} when the server does not let us in, or no program is there
 */
export async function openDumps(plan: Dumped, folder: string, signal: AbortSignal): Promise<MysqlDumps> {
    const { server } = plan;
    const password = server.passwordFile === undefined ? "" : await readSecret(server.passwordFile);
    const connect = () => connectTo(plan, { user: server.user, password });
    return using(connect, async (connection) => {
        const [{ version } = { version: "" }] = await rowsOf<{ version: string }>(
            connection,
            "select version() as version",
        );
        const identifier = await identityOf(connection, /mariadb/i.test(version));
        const absent =
            "is on the source's host: install the server's client programs there, or write source.database.command.";
        const program = await openProgram(server, password, absent, folder);
        // A replica's own server may be the target's as well.
        const told = { version, id: plan.replica ? "" : identifier };
        const dumping = { program, server: told, connect, signal };
        return { identifier, version, program: program.name, of: (database, run) => dumpOf(database, run, dumping) };
    });
}

function dumpOf(database: string, { stamp, imageTag }: DumpRun, dumping: Dumping): MysqlDump {
    const { program, server, connect, signal } = dumping;
    const backup = `backup-${stamp}-${database}.sql.gz`;
    let manifest: MysqlManifest | undefined;
    return {
        backup,
        bytes: pass(),
        manifest() {
            if (manifest === undefined) {
                throw new Error(`The dump ${backup} has not passed yet.`);
            }
            return manifest;
        },
    };

    async function* pass(): AsyncGenerator<Buffer> {
        const begun = new Date().toISOString();
        const databaseBytes = await using(connect, (admin) => databaseSize({ admin }, database));
        const census = new Census(database);
        const sums = new Checksums(database, connect);
        await sums.begin();
        try {
            const hash = createHash("sha256");
            let bytes = 0;
            const passing = sums.during(census, program.dump(database, signal));
            for await (const piece of packed((into) => pipeline(passing, createGzip(), into))) {
                hash.update(piece);
                bytes += piece.length;
                yield piece;
            }
            const checksums = await sums.found();
            manifest = {
                ...{ version: manifestVersion, engine: "mysql", backup, stamp, subject: database, format: "plain" },
                ...{ begun, ended: new Date().toISOString(), client: program.version, server, databaseBytes },
                ...(imageTag !== undefined && { imageTag }),
                files: { [backup]: { bytes, sha256: hash.digest("hex") } },
                tables: Object.fromEntries(
                    [...census.tables].map(([table, rows]) => {
                        const checksum = checksums.get(table);
                        return [table, { rows, ...(checksum !== undefined && { checksum }) }];
                    }),
                ),
            };
        } finally {
            await sums.end();
        }
    }
}

/** Dumps as files of a store, each with its manifest after it. */
export async function* storedFiles(dumps: MysqlDumps, databases: string[], run: DumpRun): AsyncGenerator<SentFile> {
    for (const database of databases) {
        const dump = dumps.of(database, run);
        yield { name: `hourly/${dump.backup}`, bytes: dump.bytes };
        const name = `hourly/backup-${run.stamp}-${database}.json`;
        yield { name, bytes: [Buffer.from(`${JSON.stringify(dump.manifest())}\n`)] };
    }
}
