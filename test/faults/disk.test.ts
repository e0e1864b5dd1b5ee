import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../dev/command";
import { packing } from "../postgres/formats";
import { frame } from "../postgres/replica";
import { type FaultStage, openFaultStage } from "./stage";

/** The disk under the server is a small one of its own, and full. */
let folder: string;
let stage: FaultStage;
beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "understudy-disk-"));
    // The server is another user.
    await run("chmod", ["755", folder]);
    await run("mkdir", [`${folder}/disk`]);
    await run("mount", ["-t", "tmpfs", "-o", "size=320M,mode=777", "understudy", `${folder}/disk`]);
    stage = await openFaultStage(`${folder}/disk`);
});
afterAll(async () => {
    await stage?.stop();
    await run("umount", [`${folder}/disk`]);
    rmSync(folder, { recursive: true });
});

// The log that a server writes ahead is on the same disk: with no room for it, the server ends until there is some.
test("the disk fills while the backup is loaded, and is emptied again", async () => {
    const ballast = join(folder, "disk/ballast");
    await filledBut(6, ballast);
    const plan = stage.next();
    const ending = await stage.attempt("prepare-database", plan);
    expect(ending.status).toBe(1);
    rmSync(ballast);
    await stage.replica.server.crash();
    await stage.recovered({ fault: "3 the disk is full", step: "prepare-database", ending, plan });
});

test("a volume that is too small for another copy is refused before anything is made", async () => {
    const plan = stage.next(({ database }) => {
        database.capacity = 2 ** 25;
    });
    const ending = await stage.attempt("prepare-database", plan);
    expect(ending).toMatchObject({ status: 3, sentence: expect.stringMatching(/no room for another copy/) });
    const larger = { ...plan, database: { ...plan.database, capacity: 2 ** 34 } };
    await stage.recovered({
        fault: "3 the volume is too small",
        step: "prepare-database: guard",
        ending,
        plan: larger,
    });
});

test("a copy that is larger than anybody could know is ended before the disk is full, and the server goes on", async () => {
    const [room] = await stage.replica.server.query(
        "postgres",
        `select sum(pg_database_size(oid)) + (select sum(size) from pg_ls_waldir()) as used from pg_database`,
    );
    const rows = "x".repeat(1000).concat("\n").repeat(80_000);
    await stage.offered({
        fault: "3 the volume is too small",
        step: "prepare-database: load",
        put: (hourly, stamp) =>
            writeFileSync(
                join(hourly, `backup-${stamp}-shop.sql.gz`),
                frame(
                    `CREATE TABLE public.large (a text);\n${`COPY public.large (a) FROM stdin;\n${rows}\\.\n`.repeat(2)}`,
                ),
            ),
        change: ({ database }) => {
            database.capacity = Number(room?.used) + 2 ** 27;
        },
        status: 1,
        says: /The copy of .* is larger than was to be expected: of the .* are left, and a full volume would stop the server/,
    });
});

test("the agent's own disk is full", async () => {
    const own = join(folder, "own");
    await run("mkdir", [own]);
    await run("mount", ["-t", "tmpfs", "-o", "size=64k", "understudy", own]);
    await run("sh", ["-c", `head -c 1M /dev/zero > ${own}/ballast || true`]);
    await stage.offered({
        fault: "3 the agent's disk is full",
        step: "an archive's lists",
        put: (hourly, stamp) =>
            packing(stage.production, stage.backup).custom(join(hourly, `backup-${stamp}-shop.dump`)),
        status: 1,
        says: /cannot be loaded\. .*ENOSPC/,
        env: { TMPDIR: own },
    });
    await run("umount", [own]);
});

/** Fills the disk up to so many MiB. */
async function filledBut(left: number, ballast: string): Promise<void> {
    const [, free = ""] = (await run("df", ["--output=avail", "-m", join(folder, "disk")])).split("\n");
    writeFileSync(ballast, "");
    await run("fallocate", [`--length=${Number(free) - left}M`, ballast]);
}
