import { afterAll, beforeAll, describe, expect } from "vitest";
import { sweep } from "../sweep";
import { aside, dump, ids, type Replica, stampBefore, startProduction, startReplica } from "./replica";

let replica: Replica;
const [id] = ids;

beforeAll(async () => {
    const [made, production] = await Promise.all([startReplica(), startProduction()]);
    replica = made;
    replica.store(stampBefore(60), await dump(production));
    await production.stop();
});
afterAll(() => replica?.stop());

function run() {
    const plan = replica.plan(id, id, ({ database }) => {
        database.keepBase = true;
    });
    return replica.run("prepare-database", plan);
}

/** Name of the only base, if there is one. */
async function base(): Promise<string | undefined> {
    const bases = await replica.server.query("postgres", "select datname from pg_database where datname ~ '_base$'");
    expect(bases.length).toBeLessThan(2);
    return bases[0]?.datname as string | undefined;
}

/** Removes the generation, and leaves its base. */
async function forget() {
    await replica.server.query("postgres", `drop database ${aside(id)}`);
    await replica.server.query("postgres", `drop role ${aside(id)}`);
    await replica.server.query("postgres", "delete from understudy.generation");
}

describe("a base that has changed since it was proven", () => {
    const damaged = async (name: string, sql: string) => {
        await replica.server.query("postgres", `alter database ${name} with allow_connections true`);
        await replica.server.query(name, `set allow_system_table_mods = on; ${sql}`);
        await replica.server.query("postgres", `alter database ${name} with allow_connections false`);
    };

    sweep([
        [
            "rows are missing",
            (base: string) => damaged(base, "delete from public.orders where id = 7"),
            "Table public.orders has 49 rows after the restore, but the dump held 50: the copy is not used",
        ],
        [
            "an index is not valid",
            (base: string) =>
                damaged(base, "update pg_index set indisvalid = false where indexrelid = 'orders_pkey'::regclass"),
            "The index public.orders_pkey is not valid: the copy is not used",
        ],
        [
            "an extension is missing",
            (base: string) => damaged(base, 'drop extension "uuid-ossp"'),
            "The extension uuid-ossp, which production has in version 1.1, is not in the copy: it is not used",
        ],
        [
            "the collation of the database is another",
            (base: string) =>
                replica.server.query(
                    "postgres",
                    `update pg_database set datcollversion = '1' where datname = '${base}'`,
                ),
            "The indexes over text in the base of shop may be out of order: the collation C.UTF-8 was of version 1 when it was made, and is without one now",
        ],
        [
            "the collation of a column is another",
            (base: string) =>
                damaged(
                    base,
                    `create collation other (provider = icu, locale = 'de'); create index on customer (name collate other);
                     update pg_collation set collversion = '1' where collname = 'other'`,
                ),
            /The indexes over text may be out of order, as the collation other was of version 1 when it was made, and is of version [\d.]+ now: the copy is not used/,
        ],
    ])("%s: it is not cloned, and goes; the backup is restored in its place", async (_, damage, reason) => {
        expect(await run()).toMatchObject({ status: 0, sentence: expect.stringContaining("is restored and proven") });
        await forget();
        await damage((await base()) ?? "");
        const { status, sentence, log } = await run();
        expect(log).toMatch(reason);
        expect(log).toMatch(/: restoring all of backup-/);
        expect(sentence).toContain("is restored and proven");
        expect(status).toBe(0);
        await forget();
        expect(await run()).toMatchObject({ status: 0, sentence: expect.stringContaining("is cloned") });
        await forget();
        await replica.server.query("postgres", `alter database ${await base()} is_template false`);
        await replica.server.query("postgres", `drop database ${await base()}`);
        await replica.server.query("postgres", "delete from understudy.base");
    });
});
