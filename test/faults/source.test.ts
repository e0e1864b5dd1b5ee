import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../dev/command";
import { aside, type Ending, stampBefore } from "../postgres/replica";
import { sweep } from "../sweep";
import { whole } from "./seed";
import { type FaultStage, openFaultStage } from "./stage";

/** The store changes while a backup is read out of it. */
let stage: FaultStage;
/** The backup as plain SQL, which nothing but its end proves, so long that nobody holds all of it, and asleep at its beginning. */
let text: Buffer;
beforeAll(async () => {
    stage = await openFaultStage();
    const plain = gunzipSync(stage.backup).toString("latin1");
    const setting = "SET row_security = off;";
    const padding = `SELECT pg_catalog.set_config('understudy.nothing', '${"x".repeat(60_000)}', false);\n`.repeat(170);
    expect(plain).toContain(setting);
    text = Buffer.from(plain.replace(setting, `${setting}\nSELECT pg_sleep(2);\n${padding}`), "latin1");
});
afterAll(() => stage?.stop());

/** Restores from a store, and does something to it in the middle of the reading. */
async function disturbed(bytes: Buffer, disturb: (path: string) => unknown): Promise<Ending> {
    const store = mkdtempSync(join(stage.replica.folder, "store-"));
    const stamp = stampBefore(120);
    const path = join(store, `hourly/backup-${stamp}-shop.sql`);
    mkdirSync(join(store, "hourly"));
    writeFileSync(path, bytes);
    // Its writing was a while ago.
    await sleep(20);
    const plan = stage.next(({ database }) => {
        database.backups = store;
        database.backup = stamp;
    });
    const ended = stage.attempt("prepare-database", plan);
    await asleep(plan.database.generation);
    await disturb(path);
    return ended;
}

/** Waits until the load is at its beginning's sleep. */
async function asleep(id: string): Promise<void> {
    const query = `select from pg_stat_activity where datname = '${aside(id)}' and wait_event = 'PgSleep'`;
    for (let round = 0; round < 600; round++) {
        if ((await stage.replica.server.query("postgres", query)).length > 0) {
            return;
        }
        await sleep(50);
    }
    throw new Error("The load has not begun within half a minute.");
}

/** Another dump of the same length: other rows behind what was read by then. */
function otherRows(): Buffer {
    const other = Buffer.from(text);
    other.write("d77@example.org", other.indexOf("c77@example.org"));
    return other;
}

sweep<[string, (path: string) => unknown, RegExp]>([
    [
        "written anew in its place",
        (path) => writeFileSync(path, otherRows()),
        /cannot be loaded\. It has changed while it was read: wait/,
    ],
    [
        "replaced by another",
        (path) => {
            writeFileSync(`${path}.part`, otherRows());
            renameSync(`${path}.part`, path);
        },
        /cannot be loaded\. It has changed while it was read: wait/,
    ],
    ["cut", (path) => truncateSync(path, text.length - whole(10, 200_000, "cut while read")), /ends |broken off/],
    [
        "appended to",
        (path) => appendFileSync(path, "-- more\n"),
        /goes on after its end|cannot be loaded\. It has changed while it was read: wait/,
    ],
])("the backup is %s while it is read", async (step, disturb, says) => {
    const ending = await disturbed(text, disturb);
    expect(ending).toMatchObject({ status: 1, sentence: expect.stringMatching(says) });
    await stage.recovered({ fault: "19 the backup while it is read", step, ending, plan: stage.next() });
});

test("a backup that is still being written", async () => {
    const written = whole(text.length - 150_000, text.length - 1_000, "still written");
    const ending = await disturbed(text.subarray(0, written), (path) => {
        const timer = setInterval(() => appendFileSync(path, "SELECT 1;\n"), 20);
        return sleep(100).then(() => clearInterval(timer));
    });
    expect(ending).toMatchObject({ status: 1, sentence: expect.stringMatching(/ends |broken off|PostgreSQL says/) });
    await stage.recovered({
        fault: "19 the backup while it is read",
        step: "still being written",
        ending,
        plan: stage.next(),
    });
});

test("a backup that production removes while it is read was read to its end, and is whole", async () => {
    const ending = await disturbed(text, (path) => rmSync(path));
    expect(ending, ending.log).toMatchObject({ status: 0 });
    await stage.converged(stage.next());
});

test("the store goes away while the backup is read", async () => {
    const folder = mkdtempSync(join(stage.replica.folder, "image-"));
    const [image, mounted] = [join(folder, "disk"), join(folder, "mounted")];
    mkdirSync(mounted);
    await run("truncate", ["--size=64M", image]);
    await run("mkfs.ext4", ["-q", "-E", "nodiscard", image]);
    const mount = () => run("mount", ["-o", "loop", image, mounted]);
    await mount();
    mkdirSync(join(mounted, "hourly"));
    const stamp = stampBefore(120);
    writeFileSync(join(mounted, `hourly/backup-${stamp}-shop.sql`), text);
    // Mounted again, nothing of it is in memory.
    await run("umount", [mounted]);
    await mount();
    const plan = stage.next(({ database }) => {
        database.backups = mounted;
        database.backup = stamp;
    });
    const ended = stage.attempt("prepare-database", plan);
    await asleep(plan.database.generation);
    truncateSync(image, 0);
    const ending = await ended;
    await run("umount", ["--lazy", mounted]);
    expect(ending).toMatchObject({
        status: 1,
        sentence: expect.stringMatching(/cannot be read \(EIO\): look at the store/),
    });
    await stage.recovered({
        fault: "6 the store goes away",
        step: "while the backup is read",
        ending,
        plan: stage.next(),
    });
});

sweep<[string, (store: string) => unknown, RegExp]>([
    ["is not mounted", (store) => rmSync(store, { recursive: true }), /The backup store .* is not there/],
    ["is an empty mount point", () => undefined, /has no folder hourly \(it is empty\)/],
    ["is a file", (store) => rmSync(store, { recursive: true }) ?? writeFileSync(store, ""), /store/],
])("the store %s", async (step, make, says) => {
    const store = mkdtempSync(join(stage.replica.folder, "store-"));
    make(store);
    const plan = stage.next();
    const faulty = structuredClone(plan);
    faulty.database.backups = store;
    const ending = await stage.attempt("prepare-database", faulty);
    expect(ending).toMatchObject({ status: 3, sentence: expect.stringMatching(says) });
    await stage.recovered({ fault: "6 the store", step, ending, plan });
});
