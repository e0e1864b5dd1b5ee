import { type ChildProcess, spawnSync } from "node:child_process";
import {
    cpSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    renameSync,
    rmSync,
    statSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { type Bucket, credentials, startBucket } from "../bucket";
import { sweep } from "../sweep";
import { type FormatName, type FormatStage, openFormats, type StoredBackup } from "./formats";
import { manifestOf } from "./manifest";
import type { Ending } from "./replica";

let stage: FormatStage;
let bucket: Bucket;
/** Where the agent puts what is temporary. */
let scratch: string;

beforeAll(async () => {
    [stage, bucket] = await Promise.all([openFormats(), startBucket()]);
    scratch = mkdtempSync(join(tmpdir(), "understudy-scratch-"));
});
afterAll(async () => {
    await stage?.stop();
    await bucket?.stop();
    rmSync(scratch, { recursive: true });
});
beforeEach(async () => {
    rmSync(join(bucket.folder, "backups"), { recursive: true, force: true });
    await stage.clear();
});

/** Puts a backup of the store into the bucket, and its manifest if it has one. */
function uploaded({ path, stamp }: StoredBackup): StoredBackup {
    const there = join(bucket.folder, "backups/hourly", basename(path));
    mkdirSync(join(bucket.folder, "backups/hourly"), { recursive: true });
    cpSync(path, there, { recursive: true });
    if (readdirSync(stage.hourly).includes(`${basename(path)}.json`)) {
        cpSync(`${path}.json`, `${there}.json`);
    }
    return { path: there, stamp };
}

interface Options {
    rclone?: string;
    jobs?: number;
}

const fromBucket =
    ({ rclone, jobs }: Options = {}) =>
    ({ database }: Plan) => {
        database.backups = { ...bucket.origin("shop/backups"), ...(rclone !== undefined && { rclone }) };
        if (jobs !== undefined) {
            database.jobs = jobs;
        }
    };

const environment = () => ({ ...bucket.environment(), TMPDIR: scratch });

function restoring(backup: { stamp: string }, options: Options = {}) {
    return stage.restoring(backup, fromBucket(options), environment());
}

/** The restore out of the bucket fails with this reason, and leaves nothing. */
async function expectNothing(backup: StoredBackup, reason: RegExp, options: Options = {}): Promise<Ending> {
    const before = await stage.replica.server.content();
    const { ending } = await restoring(backup, options);
    expect(ending.sentence).toMatch(reason);
    expect(ending.status, ending.log).not.toBe(0);
    expect(ending.log).not.toContain(credentials.accessKey);
    expect(await stage.replica.server.content()).toBe(before);
    expectNothingLeft(backup);
    return ending;
}

function expectNothingLeft({ stamp }: { stamp: string }) {
    expect(readdirSync(scratch)).toEqual([]);
    expect(running(stamp)).toEqual([]);
}

/** Commands that read the bucket's backup, or what stands for it in the scratch folder. */
function running(stamp: string): string[] {
    const { stdout } = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" });
    return stdout
        .split("\n")
        .filter((line) => line.includes(scratch) || (line.includes(stamp) && line.includes("source:")));
}

function largest(folder: string): string {
    const files = readdirSync(folder).filter((file) => /^\d+\.dat/.test(file));
    const sized = files.map((file) => ({ file, bytes: statSync(join(folder, file)).size }));
    return sized.toSorted((a, b) => b.bytes - a.bytes)[0]?.file ?? "";
}

describe("a folder in a bucket", () => {
    sweep<[FormatName, number]>([
        ["directory", 2],
        ["directory", 4],
        ["directory without compression", 2],
        ["directory without compression", 4],
    ])("%s, over %i connections, becomes what it becomes from a mount", async (name, jobs) => {
        const backup = await stage.stored(name);
        const there = uploaded(backup);
        // Whatever else is there belongs to the backup as well.
        for (const { path } of [backup, there]) {
            writeFileSync(join(path, "99999.dat"), "nobody's");
            writeFileSync(join(path, "notes"), "of somebody");
        }
        const mounted = await stage.restoring(backup);
        const { ending, id } = await restoring(there, { jobs });
        expect(ending, ending.log).toMatchObject({
            status: 0,
            sentence: expect.stringContaining("restored and proven"),
        });
        const [one, other] = [await stage.restored(mounted.id), await stage.restored(id)];
        expect(other.content).toBe(stage.expected.content);
        expect(other.content).toBe(one.content);
        const { backup: name_, backupBytes, sha256, tables, proof } = one;
        expect(other).toMatchObject({ backup: name_, backupBytes, sha256, tables, proof });
        expect(other.content).toContain("lo_open");
        expect(ending.log).not.toContain(credentials.accessKey);
        expectNothingLeft(backup);
    });

    test("may name its files as it likes: those that are opened are fed", async () => {
        const backup = uploaded(await stage.stored("directory without compression"));
        const contents = join(backup.path, "toc.dat");
        const names = readdirSync(backup.path).filter((name) => /^\d{4}\.dat$/.test(name));
        const other = new Map(names.map((name, at) => [name, names.at(-1 - at) ?? ""]));
        const bytes = readFileSync(contents, "latin1");
        writeFileSync(
            contents,
            bytes.replaceAll(/\d{4}\.dat/g, (name) => other.get(name) ?? name),
            "latin1",
        );
        for (const name of names) {
            renameSync(join(backup.path, name), join(backup.path, `${other.get(name)}-`));
        }
        for (const name of names) {
            renameSync(join(backup.path, `${name}-`), join(backup.path, name));
        }
        const { ending, id } = await restoring(backup);
        expect(ending, ending.log).toMatchObject({ status: 0 });
        expect((await stage.restored(id)).content).toBe(stage.expected.content);
        expectNothingLeft(backup);
    });

    test("without its table of contents is refused", async () => {
        const backup = uploaded(await stage.stored("directory"));
        rmSync(join(backup.path, "toc.dat"));
        await expectNothing(backup, /s3:\/\/shop\/backups\/hourly\/backup-.* nor a folder that pg_dump has made/);
    });

    sweep<[string, (file: string) => void, RegExp]>([
        [
            "an object missing",
            (file) => rmSync(file),
            /pg_restore says: could not open input file "s3:\/\/shop\/backups\/hourly\/backup-.*\/\d+\.dat/,
        ],
        [
            "an object cut short",
            (file) => writeFileSync(file, readFileSync(file).subarray(0, -20)),
            /pg_restore says: |ends in the middle/,
        ],
    ])("with %s is never restored", async (_, damage, reason) => {
        const backup = uploaded(await stage.stored("directory"));
        damage(join(backup.path, largest(backup.path)));
        await expectNothing(backup, reason);
    });

    test("with a changed byte that nothing else tells of is found by its manifest", async () => {
        const stored = await stage.stored("directory without compression");
        writeFileSync(`${stored.path}.json`, JSON.stringify(manifestOf(stored)));
        const backup = uploaded(stored);
        const file = join(backup.path, largest(backup.path));
        const bytes = readFileSync(file);
        bytes.write("d77@example.org", bytes.indexOf("c77@example.org"));
        writeFileSync(file, bytes);
        await expectNothing(
            backup,
            /The file \d+\.dat is not what production wrote: its SHA-256 is [0-9a-f]{64}, and the manifest s3:/,
        );
    });

    sweep<[string, (file: string) => string, RegExp]>([
        [
            "an object is gone",
            (file) => `rm -f '${file}'`,
            /cannot be loaded\. s3:\/\/shop\/backups\/hourly\/backup-.*\/\d+\.dat gave 0 bytes instead of \d+\.$/,
        ],
        [
            "an object is shorter than listed, although rclone is content",
            () => '$rclone "$@" | head -c 4000; exit 0',
            /cannot be loaded\. s3:\/\/shop\/.*\/\d+\.dat gave 4000 bytes instead of \d+\.$/,
        ],
        [
            "the credentials are refused",
            () => 'RCLONE_CONFIG_SOURCE_SECRET_ACCESS_KEY=other exec $rclone "$@"',
            /could not read s3:\/\/shop\/.*\/\d+\.dat: the server refuses the credentials \(SignatureDoesNotMatch\)\.$/,
        ],
        [
            "an object is replaced",
            (file) => `touch -d '1 hour ago' '${file}'`,
            /cannot be loaded\. It has changed while it was read/,
        ],
    ])("is not used when %s in the middle", async (_, script, reason) => {
        const backup = uploaded(await stage.stored("directory without compression"));
        const file = largest(backup.path);
        const rclone = bucket.altered("cat", `case "$last" in */${file}) ${script(join(backup.path, file))} ;; esac`);
        await expectNothing(backup, reason, { rclone });
    });

    sweep(["SIGTERM", "SIGKILL"] as const)("leaves no process when %s ends its restore", async (signal) => {
        const backup = uploaded(await stage.stored("directory without compression"));
        const rclone = bucket.altered("cat", 'case "$last" in *.dat) export RCLONE_BWLIMIT=20k ;; esac');
        let agent: ChildProcess | undefined;
        const ended = stage.restoring(backup, fromBucket({ rclone }), environment(), (child) => {
            agent = child;
        });
        const busy = () =>
            ["pg_restore --use-list", " cat "].every((one) => running(backup.stamp).join().includes(one));
        await until(busy);
        agent?.kill(signal);
        await ended;
        await until(() => running(backup.stamp).length === 0);
        expect(readdirSync(scratch).filter((name) => name.startsWith("understudy-pipes"))).toEqual([]);
        rmSync(scratch, { recursive: true });
        mkdirSync(scratch);
    });
});

async function until(reached: () => boolean) {
    const limit = Date.now() + 60_000;
    while (!reached()) {
        expect(Date.now(), "waited in vain").toBeLessThan(limit);
        await sleep(50);
    }
}
