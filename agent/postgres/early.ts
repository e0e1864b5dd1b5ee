import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import type { DumpedDatabase } from "../../contract/manifest";
import { Psql } from "./psql";
import { asDumped, expectation, type ReadingBack, readTable, type Tables } from "./rows";
import type { Tally } from "./tally";

/** First major version that counts writes in shared memory, and so that none is missed. */
const countingSurely = 15;

/** Bytes of rows from which a table is worth reading by itself: it takes a tenth of a second. */
const worthwhile = 8 * 2 ** 20;

/** Milliseconds that sessions which have been told to end may take for it. */
const patience = 2_000;

/**
 * Reads tables back one after the other while others are still loaded, so that less is left for the proof. What cannot be
 * read like this is not lost: the proof reads it.
 */
export class EarlyReader {
    private readonly right: Tables = {};
    /** The file that each of them was in when it was read: whoever empties or rewrites a table begins another one. */
    private readonly files = new Map<string, string>();
    private last = Promise.resolve();
    private psql: Psql | undefined;
    private ending = false;

    /** @param named what the manifest says of the tables; with none there is nothing to compare them with */
    constructor(
        private readonly reading: Pick<ReadingBack, "client" | "target" | "encoding"> & { major: number },
        private readonly named: DumpedDatabase["tables"] = {},
    ) {}

    /** Whether a table is to be told of once all of its rows are there. */
    wants(table: string, tally: Tally): boolean {
        return (
            this.reading.major >= countingSurely &&
            this.named[table] !== undefined &&
            (tally.bytes.get(table) ?? 0) >= worthwhile
        );
    }

    /** Is told that all of a table's rows are there for others to see. */
    filled(table: string, tally: Tally): void {
        this.last = this.last.then(() => this.read(table, tally)).catch(() => undefined);
    }

    /**
     * Waits for the table that is being read, and leaves the rest to the proof.
     *
     * @returns the tables that are right, and that nobody has written to after their rows were loaded
     */
    async end(): Promise<Tables> {
        this.ending = true;
        await this.last;
        await this.kill();
        const { client } = this.reading;
        const names = Object.keys(this.right);
        const isSilent = names.length > 0 && (await silence(client));
        const now = isSilent ? await stateOf(client, names) : new Map<string, State>();
        return Object.fromEntries(
            Object.entries(this.right).filter(([name, { rows }]) => {
                const state = now.get(name);
                return state?.writes === rows && state.file === this.files.get(name);
            }),
        );
    }

    /** Ends the reading at once. */
    async kill(): Promise<void> {
        this.ending = true;
        await this.psql?.kill();
    }

    private async read(table: string, tally: Tally): Promise<void> {
        if (this.ending) {
            return;
        }
        const { client, target, encoding } = this.reading;
        const { expected } = await expectation(client, table, tally, this.named);
        if (expected !== undefined) {
            this.psql ??= new Psql(target, [asDumped(encoding)]);
            const state = (await stateOf(client, [table])).get(table);
            this.files.set(table, state?.file ?? "");
            this.right[table] = await readTable(client, this.psql, expected, () => undefined);
        }
    }
}

/** Waits until nobody but superusers is connected to the database any more: then all that was written is counted. */
async function silence(client: Client): Promise<boolean> {
    for (const start = performance.now(); performance.now() - start < patience; await sleep(20)) {
        const { rows } = await client.query(
            `select from pg_stat_activity join pg_roles on oid = usesysid
              where datname = current_database() and not rolsuper limit 1`,
        );
        if (rows.length === 0) {
            return true;
        }
    }
    return false;
}

/** What tells whether a table is as it was. */
interface State {
    /** Rows that were ever written to it, changed and removed ones counted as well. */
    writes: number;
    /** Number of its file. */
    file: string;
}

async function stateOf(client: Client, tables: string[]): Promise<Map<string, State>> {
    const { rows } = await client.query<{ name: string; writes: string; file: string }>(
        `select name, pg_relation_filenode(oid)::text as file,
                pg_stat_get_tuples_inserted(oid) + pg_stat_get_tuples_updated(oid)
                + pg_stat_get_tuples_deleted(oid) as writes
           from unnest($1::text[]) name, to_regclass(name) oid`,
        [tables],
    );
    return new Map(rows.map(({ name, writes, file }) => [name, { writes: Number(writes), file }]));
}
