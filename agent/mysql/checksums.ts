import type { Connection } from "mysql2/promise";
import { log } from "../report";
import type { Census } from "./census";
import { checksumOf } from "./checksum";
import { using } from "./connect";
import { rowsOf } from "./rows";

/**
 * The checksums of the tables that a dump holds. The dump's transaction is another program's; one of ours begins before it
 * and one after it, and where nothing was written between these two, all three see the same.
 */
export class Checksums {
    private held: Connection | undefined;
    private place: string | undefined;
    private asked: Promise<Map<string, string>> | undefined;

    constructor(
        private readonly database: string,
        private readonly connect: () => Promise<Connection>,
    ) {}

    /** Comes before the dump. */
    async begin(): Promise<void> {
        this.held = await this.connect();
        this.place = await beginSnapshot(this.held);
    }

    /** Hands on the dump, counted; its first table is of the dump's own state, which has begun by then. */
    async *during(census: Census, output: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
        for await (const chunk of census.of(output)) {
            if (census.tables.size > 0) {
                this.asked ??= this.ask();
            }
            yield chunk;
        }
    }

    /** By table, once the dump has passed; none where no state is sure to be the dump's. */
    async found(): Promise<Map<string, string>> {
        return (await this.asked) ?? new Map();
    }

    async end(): Promise<void> {
        await this.held?.end().catch(() => this.held?.destroy());
    }

    private async ask(): Promise<Map<string, string>> {
        const { held, place } = this;
        try {
            const same =
                held !== undefined && place !== undefined && (await using(this.connect, beginSnapshot)) === place;
            return same ? await checksumsIn(held, this.database) : new Map();
        } catch (error) {
            // The dump is as good without them, and its manifest says that they are not there.
            log(`no checksums of ${this.database}: ${(error as Error).message}`);
            return new Map();
        }
    }
}

/**
 * Begins a transaction that sees one state of all tables, without a lock.
 *
 * @returns the state's place in the server's binary log; undefined where the server keeps none, or is MySQL, which does not
 *   tell it
 */
async function beginSnapshot(connection: Connection): Promise<string | undefined> {
    await connection.query("set session transaction isolation level repeatable read");
    await connection.query("start transaction with consistent snapshot");
    const found = await rowsOf<{ Variable_name: string; Value: string }>(
        connection,
        "show status like 'binlog_snapshot_%'",
    );
    const values = new Map(found.map(({ Variable_name: name, Value }) => [name.toLowerCase(), Value]));
    const file = values.get("binlog_snapshot_file");
    return file ? `${file}:${values.get("binlog_snapshot_position")}` : undefined;
}

/**
 * What `CHECKSUM TABLE` says of each table whose rows a snapshot holds still, which are those of InnoDB, and a dump brings as
 * they are: it rounds FLOAT to 6 digits (mariadb-dump 10.11), and leaves the past rows of versioned tables.
 */
async function checksumsIn(connection: Connection, database: string): Promise<Map<string, string>> {
    const tables = await rowsOf<{ name: string }>(
        connection,
        `select t.table_name as name from information_schema.tables t
          where t.table_schema = ? and t.table_type = 'BASE TABLE' and t.engine = 'InnoDB'
            and not exists (select 1 from information_schema.columns c
                             where c.table_schema = ? and c.table_name = t.table_name and c.data_type = 'float')`,
        [database, database],
    );
    const sums = new Map<string, string>();
    for (const { name } of tables) {
        sums.set(name, await checksumOf(connection, database, name));
    }
    return sums;
}
