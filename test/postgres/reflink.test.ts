import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installPostgres18 } from "../../dev/postgres";
import { dump, ids, type Replica, stampBefore, startReplica } from "./replica";
import { startServer } from "./server";
import { makeVolume, type Volume } from "./volume";

const [first, second, third] = ids;
let volume: Volume;
let programs: string;
let backup: Buffer;

beforeAll(async () => {
    volume = await makeVolume(2 ** 32);
    const folder = join(volume.folder, "postgres");
    mkdirSync(folder);
    programs = await installPostgres18(folder);
    const production = await startServer();
    await production.query("postgres", "create role shop login");
    await production.query("postgres", "create database shop owner shop");
    await production.query(
        "shop",
        "create table large as select n, repeat(md5(n::text), 8) as text from generate_series(1, 300000) n",
    );
    backup = await dump(production);
    await production.stop();
});
afterAll(() => volume?.remove());

/** A replica on the volume with the backup in its store, used and stopped. */
async function onVolume(own: string, work: (replica: Replica) => Promise<void>): Promise<void> {
    // A short log: what is taken on the volume are databases.
    const replica = await startReplica({ max_wal_size: "64MB", min_wal_size: "32MB" }, volume.folder, own);
    try {
        replica.store(stampBefore(600), backup);
        await work(replica);
    } finally {
        await replica.stop();
    }
}

const withBase = (replica: Replica, id: string) =>
    replica.plan(id, first, ({ database }) => {
        database.keepBase = true;
    });

async function prepared(replica: Replica, id: string): Promise<string> {
    const ending = await replica.run("prepare-database", withBase(replica, id));
    expect(ending.status, ending.log).toBe(0);
    return ending.log;
}

describe("PostgreSQL 18 on a file system whose files can share blocks", () => {
    test("clones a base without taking its room, and whoever set the server up has set nothing for it", async () => {
        await onVolume(programs, async (replica) => {
            await prepared(replica, first);
            const [{ bytes } = { bytes: 0 }] = await replica.server.query(
                "postgres",
                `select pg_database_size('shop__${first}')::integer as bytes`,
            );
            expect(bytes).toBeGreaterThan(80_000_000);
            const before = await volume.used();
            const log = await prepared(replica, second);
            expect(log).toContain("is cloned from the base of its backup and proven");
            expect(log).not.toContain("cannot share blocks");
            expect((await volume.used()) - before).toBeLessThan(40_000_000);
            expect(await replica.server.query("postgres", "show file_copy_method")).toEqual([
                { file_copy_method: "copy" },
            ]);
            const set = "select from pg_file_settings where name = 'file_copy_method' and sourcefile ~ 'auto.conf'";
            expect(await replica.server.query("postgres", set)).toEqual([]);
        });
    });

    test("copies the files where the system does not let it share them, and says so", async () => {
        await onVolume(refusing("1"), async (replica) => {
            const log = await prepared(replica, first);
            expect(log).toMatch(/files cannot share blocks here \(could not clone file .* Operation not permitted\)/);
            expect(await prepared(replica, second)).toContain("is cloned from the base of its backup and proven");
            const rows = await replica.server.query(`shop__${second}`, "select count(*)::integer as n from large");
            expect(rows).toEqual([{ n: 300_000 }]);
        });
    });

    test("does not take a full disk for a system that cannot", async () => {
        await onVolume(refusing("28"), async (replica) => {
            const log = await prepared(replica, third);
            expect(log).toMatch(/No base is kept: could not clone file .* No space left on device\./);
            expect(log).not.toContain("cannot share blocks");
        });
    });
});

/** PostgreSQL 18 to which Linux answers with this error whenever files are to share blocks. */
function refusing(error: string): string {
    const folder = join(volume.folder, `refusing-${error}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    for (const program of ["initdb", "psql"]) {
        symlinkSync(join(programs, program), join(folder, program));
    }
    // prctl: no new privileges, then a filter of four instructions: is it copy_file_range (326 on x64)?
    writeFileSync(
        join(folder, "postgres"),
        `#!/usr/bin/perl
my $filter = pack("SCCL" x 4, 0x20,0,0,0, 0x15,0,1,326, 0x06,0,0,0x50000|${error}, 0x06,0,0,0x7fff0000);
my $program = pack("Sx6P", 4, $filter);
syscall(157, 38, 1, 0, 0, 0) == 0 && syscall(157, 22, 2, $program) == 0 or die "no filter: $!";
exec "${programs}/postgres", @ARGV;
`,
    );
    chmodSync(join(folder, "postgres"), 0o755);
    return folder;
}
