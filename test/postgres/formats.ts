import { type ChildProcess, execFileSync } from "node:child_process";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect } from "vitest";
import type { Plan } from "../../contract";
import type { DatabaseReport } from "../../contract/report";
import { aside, dump, type Ending, ids, type Replica, stampBefore, startProduction, startReplica } from "./replica";
import type { TestServer } from "./server";

/** A backup in the store: its stamp, and where it is. */
export interface StoredBackup {
    stamp: string;
    path: string;
}

/** A production and a replica, which restores what the production's database is packed into. */
export interface FormatStage {
    production: TestServer;
    replica: Replica;
    /** What the plain dump, compressed with gzip, is restored to. */
    expected: Pick<Restored, "content" | "tables">;
    /** The store's folder. */
    hourly: string;
    /** A stamp that no backup has yet. */
    stamp(): string;
    /** Puts the database into the store, packed like this. */
    stored(name: string): Promise<StoredBackup>;
    /** Restores a backup as another generation. */
    restoring(
        backup: { stamp: string },
        change?: (plan: Plan) => void,
        env?: NodeJS.ProcessEnv,
        started?: (agent: ChildProcess) => void,
    ): Promise<{ id: string; ending: Ending }>;
    /** A restored database: its dump without the random key, and its report. */
    restored(id: string): Promise<Restored>;
    /** The run fails or refuses with this reason, and nothing on the server tells that it ever ran. */
    expectNothing(backup: { stamp: string }, reason: RegExp | string, env?: NodeJS.ProcessEnv): Promise<Ending>;
    /** Removes every generation but that of the plain dump, and every backup. */
    clear(): Promise<void>;
    stop(): Promise<void>;
}

/** What is left of a restore. */
export interface Restored extends DatabaseReport {
    content: string;
}

/** The ways to pack a database, and how their names end. */
export const endings = {
    "plain without compression": ".sql",
    "plain with gzip": ".sql.gz",
    "plain with xz": ".sql.xz",
    "plain with zstd": ".sql.zst",
    custom: ".dump",
    "custom without compression": ".dump",
    "custom as it comes out of a pipe": ".dump",
    tar: ".tar",
    directory: "",
    "directory without compression": "",
};
export type FormatName = keyof typeof endings;

/** Makes a backup of the production's database in each format; `plain` is its dump, compressed with gzip. */
export function packing(production: TestServer, plain: Buffer): Record<FormatName, (path: string) => Promise<void>> {
    const archive = async (format: string, path: string, ...options: string[]) => {
        await production.tool("pg_dump", [`--format=${format}`, `--file=${path}`, ...options, "shop"]);
    };
    const compressed = async (program: string, path: string) =>
        writeFileSync(path, execFileSync(program, ["-c"], { input: gunzipSync(plain), maxBuffer: 2 ** 30 }));
    return {
        "plain without compression": async (path) => writeFileSync(path, gunzipSync(plain)),
        "plain with gzip": async (path) => writeFileSync(path, plain),
        "plain with xz": (path) => compressed("xz", path),
        "plain with zstd": (path) => compressed("zstd", path),
        custom: (path) => archive("custom", path),
        "custom without compression": (path) => archive("custom", path, "-Z0"),
        "custom as it comes out of a pipe": async (path) =>
            writeFileSync(path, await production.tool("pg_dump", ["--format=custom", "shop"])),
        tar: (path) => archive("tar", path),
        directory: (path) => archive("directory", path),
        "directory without compression": (path) => archive("directory", path, "-Z0"),
    };
}

/** The generation of the plain dump, which stays. */
const firstId = "f000000000";

/** Starts both, and restores the plain dump. */
export async function openFormats(): Promise<FormatStage> {
    const [production, replica] = await Promise.all([startProduction(), startReplica()]);
    const hourly = join(replica.folder, "store/hourly");
    const plain = await dump(production);
    let seconds = 40_000;
    let generations = 0;

    const make = packing(production, plain);

    const stage: FormatStage = {
        production,
        replica,
        expected: { content: "", tables: {} },
        hourly,
        stamp: () => stampBefore(seconds--),
        async stored(name) {
            const format = name as FormatName;
            const stamp = stage.stamp();
            const path = join(hourly, `backup-${stamp}-shop${endings[format]}`);
            await make[format](path);
            return { stamp, path };
        },
        async restoring({ stamp }, change = () => {}, env = {}, started = () => {}) {
            const id = (0xf000000000 + generations++).toString(16);
            const plan = replica.plan(id, ids[0], (plan) => {
                plan.database.backup = stamp;
                change(plan);
            });
            return { id, ending: await replica.run("prepare-database", plan, { env, started }) };
        },
        async restored(id) {
            const text = (await replica.server.tool("pg_dump", [aside(id)])).toString();
            const query = `select report from understudy.generation where id = '${id}'`;
            const [row] = await replica.server.query("postgres", query);
            const report = row?.report as DatabaseReport;
            return { ...report, content: text.replaceAll(/^\\(un)?restrict .*$/gm, "") };
        },
        async expectNothing(backup, reason, env = {}) {
            const before = await replica.server.content();
            const { ending } = await stage.restoring(backup, undefined, env);
            expect(ending.sentence).toMatch(reason);
            expect(ending.status, ending.log).not.toBe(0);
            expect(await replica.server.content()).toBe(before);
            return ending;
        },
        async clear() {
            const made = await replica.server.query(
                "postgres",
                `select datname as name from pg_database where datname ~ '^shop__' and datname <> '${aside(firstId)}'`,
            );
            for (const { name } of made) {
                await replica.server.query("postgres", `drop database "${name}"`);
                await replica.server.query("postgres", `drop role "${name}"`);
            }
            await replica.server.query("postgres", `delete from understudy.generation where id <> '${firstId}'`);
            for (const name of readdirSync(hourly)) {
                rmSync(join(hourly, name), { recursive: true });
            }
        },
        async stop() {
            await Promise.all([production.stop(), replica.stop()]);
        },
    };
    const { ending, id } = await stage.restoring(await stage.stored("plain with gzip"));
    expect(ending, ending.log).toMatchObject({ status: 0 });
    stage.expected = await stage.restored(id);
    return stage;
}
