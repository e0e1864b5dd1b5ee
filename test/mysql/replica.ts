import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bundle } from "../../agent/bundle";
import { type Command, generationName, planVersion } from "../../contract";
import { type MysqlCopyPlan, type MysqlPlan, mysqlMarkerSql } from "../../contract/mysql";
import { type MariaDb, startMariaDb } from "../../dev/mariadb";
import { mediaRules } from "../media-rules";
import { agentIn, type RunAgent } from "../postgres/replica";

export { ids, stampBefore } from "../postgres/replica";

/** A replica's server, volume and stores, and the agent as its Jobs run it. */
export interface MysqlReplica {
    folder: string;
    server: MariaDb;
    /** A plan for two generations; `change` may alter it. */
    plan(database: string, media: string, change?: (plan: MysqlCopyPlan) => void): MysqlCopyPlan;
    /** Starts the agent. */
    run: RunAgent<Command, MysqlPlan>;
    /** Puts a dump into the store, under a name with this ending. */
    store(stamp: string, bytes: Buffer, ending?: string, database?: string): string;
    stop(): Promise<void>;
}

export const stack = "understudy/test's";

/** The application's account. */
export const login = { user: "shop_app", password: "login-'secret\\" };

/** Makes a replica of a stack, with an empty store and nothing restored. */
export async function startMysqlReplica(settings: Record<string, string> = {}): Promise<MysqlReplica> {
    const folder = mkdtempSync(join(tmpdir(), "understudy-mysql-"));
    for (const name of ["store/hourly", "secrets", "source", "volume"]) {
        mkdirSync(join(folder, name), { recursive: true });
    }
    const [server, program] = await Promise.all([startMariaDb(settings), bundle()]);
    await server.query(undefined, mysqlMarkerSql(stack));
    writeFileSync(join(folder, "secrets/admin"), `${server.password}\n`);
    writeFileSync(join(folder, "secrets/login"), login.password);
    writeFileSync(join(folder, "source/picture"), "a picture");
    return {
        folder,
        server,
        plan(database, media, change = () => undefined) {
            const plan = planIn(folder, server.port, database, media);
            change(plan);
            return plan;
        },
        run: agentIn(folder, program),
        store(stamp, bytes, ending = "sql.gz", database = "shop") {
            const path = join(folder, "store/hourly", `backup-${stamp}-${database}.${ending}`);
            writeFileSync(path, bytes);
            return path;
        },
        async stop() {
            await server.stop();
            rmSync(folder, { recursive: true, force: true });
        },
    };
}

function planIn(folder: string, port: number, database: string, media: string): MysqlCopyPlan {
    return {
        version: planVersion,
        stack,
        source: { serverId: "production" },
        database: {
            engine: "mysql",
            generation: database,
            databases: [{ name: "shop" }],
            backup: "latest",
            maximumAge: 86_400,
            keepGenerations: 1,
            rules: "00000000a1",
            capacity: 2 ** 34,
            server: { host: "127.0.0.1", port, user: "root", passwordFile: join(folder, "secrets/admin") },
            login: { user: login.user, passwordFile: join(folder, "secrets/login") },
            backups: join(folder, "store"),
        },
        media: {
            generation: media,
            source: join(folder, "source"),
            volume: join(folder, "volume"),
            ...mediaRules,
            group: 10001,
        },
        imageTag: "1.0",
        allowTagMismatch: false,
        keepFailed: false,
        smoke: { url: "http://127.0.0.1:1/" },
    };
}

/** A compressed dump as production's schedule makes it. */
export async function dump(production: MariaDb, args: string[] = [], database = "shop"): Promise<Buffer> {
    const all = ["--single-transaction", "--routines", "--triggers", "--events", ...args, database];
    return gzipSync(await production.tool("mariadb-dump", all), { level: 1 });
}

/** A small dump in plain text: mariadb-dump's frame around the given SQL. */
export function frame(sql: string): Buffer {
    return gzipSync(
        "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for Linux (x86_64)\n--\n" +
            "-- Host: localhost    Database: shop\n-- ------------------------------------------------------\n" +
            "-- Server version\t10.11.6-MariaDB\n\n/*!40101 SET NAMES utf8mb4 */;\n" +
            `/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n${sql}\n` +
            "/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n\n-- Dump completed on 2026-11-20  2:04:01\n",
    );
}

/** Name of a generation's database while it is not live. */
export function aside(id: string): string {
    return generationName("shop", id);
}
