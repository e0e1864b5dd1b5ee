import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bundle } from "../../agent/bundle";
import {
    type Command,
    type CopyPlan,
    generationName,
    markerSql,
    type Plan,
    planVersion,
    serverSettings,
} from "../../contract";
import { mediaRules } from "../media-rules";
import { binaries, startServer, type TestServer } from "./server";

/** How a run of the agent ended. */
export interface Ending {
    status: number | null;
    /** The termination message. */
    sentence: string;
    /** Everything it wrote. */
    log: string;
}

/** Starts the agent; `started` gets its process. */
export type RunAgent<C, P> = (
    command: C,
    plan: P,
    options?: { env?: NodeJS.ProcessEnv; started?(child: ChildProcess): void },
) => Promise<Ending>;

/** A replica's server, volume and stores, and the agent as its Jobs run it. */
export interface Replica {
    folder: string;
    server: TestServer;
    /** A plan for two generations; `change` may alter it. */
    plan(database: string, media: string, change?: (plan: CopyPlan) => void): CopyPlan;
    /** Starts the agent. */
    run: RunAgent<Command, Plan>;
    /** Puts a dump into the store. */
    store(stamp: string, bytes: Buffer, database?: string): string;
    stop(): Promise<void>;
}

export const stack = "understudy/test's";

/** Ids of generations, as they are made of settings. */
export const ids = ["00000000aa", "00000000bb", "00000000cc", "00000000dd", "00000000ee"] as const;

/** Password of the login roles. */
export const loginPassword = "login-secret";

/**
 * Makes a replica of a stack, with an empty store and nothing restored; its server's data goes into `parent`, and its
 * programs are those of {@link startServer}.
 */
export async function startReplica(
    settings: Record<string, string> = {},
    parent?: string,
    programs?: string,
): Promise<Replica> {
    const folder = mkdtempSync(join(tmpdir(), "understudy-replica-"));
    for (const name of ["store/hourly", "secrets", "source", "volume"]) {
        mkdirSync(join(folder, name), { recursive: true });
    }
    const [server, program] = await Promise.all([
        startServer({ ...serverSettings, ...settings }, parent, programs),
        bundle(),
    ]);
    await server.query("postgres", markerSql(stack));
    writeFileSync(join(folder, "secrets/admin"), `${server.password}\n`);
    writeFileSync(join(folder, "secrets/login"), loginPassword);
    writeFileSync(join(folder, "source/picture"), "a picture");

    return {
        folder,
        server,
        plan(database, media, change = () => undefined) {
            const plan = planIn(folder, server.port, database, media);
            change(plan);
            return plan;
        },
        run: agentIn(folder, program, programs),
        store(stamp, bytes, database = "shop") {
            const path = join(folder, "store/hourly", `backup-${stamp}-${database}.sql.gz`);
            writeFileSync(path, bytes);
            return path;
        },
        async stop() {
            await server.stop();
            rmSync(folder, { recursive: true, force: true });
        },
    };
}

/** A plan for two generations, with its files in a folder and the server at a port. */
export function planIn(folder: string, port: number, database: string, media: string): CopyPlan {
    return {
        version: planVersion,
        stack,
        source: { systemIdentifier: "1234567890123456789" },
        database: {
            generation: database,
            databases: [{ name: "shop", owner: "shop" }],
            dump: "database",
            backup: "latest",
            maximumAge: 86_400,
            keepGenerations: 1,
            rules: "00000000a1",
            keepBase: false,
            amcheck: false,
            extensions: [],
            encoding: "UTF8",
            capacity: 2 ** 34,
            server: {
                host: "127.0.0.1",
                port,
                user: "postgres",
                passwordFile: join(folder, "secrets/admin"),
            },
            loginPasswordFile: join(folder, "secrets/login"),
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

/** The agent as its Jobs run it, with its files in a folder. */
export function agentIn<C extends string, P>(folder: string, program: string, programs = binaries): RunAgent<C, P> {
    writeFileSync(join(folder, "agent.cjs"), program);
    let runs = 0;
    return (command, plan, { env = {}, started = () => undefined } = {}) => {
        runs += 1;
        const files = { plan: join(folder, `plan-${runs}.json`), end: join(folder, `end-${runs}`) };
        writeFileSync(files.plan, JSON.stringify(plan));
        writeFileSync(files.end, "");
        const child = spawn(process.execPath, [join(folder, "agent.cjs"), command, "--plan", files.plan], {
            env: {
                PATH: `${programs}:${binaries}:${process.env.PATH}`,
                UNDERSTUDY_TERMINATION_LOG: files.end,
                ...env,
            },
        });
        started(child);
        let log = "";
        for (const stream of [child.stdout, child.stderr]) {
            stream.on("data", (chunk) => {
                log += chunk;
            });
        }
        return new Promise((resolve) => {
            child.on("close", (status) => resolve({ status, sentence: readFileSync(files.end, "utf8"), log }));
        });
    };
}

/** A stamp so many seconds before now. */
export function stampBefore(seconds: number): string {
    return new Date(Date.now() - seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

/** Makes the production that dumps are taken of: a server with the fixture in database `shop`. */
export async function startProduction(): Promise<TestServer> {
    const server = await startServer();
    await server.query("postgres", "create role shop login");
    await server.query("postgres", "create database shop owner shop");
    await server.query("shop", readFileSync(join(__dirname, "fixture.sql"), "utf8"));
    return server;
}

/** A compressed dump as production's schedule makes it. */
export async function dump(production: TestServer, args: string[] = ["--clean", "--if-exists"]): Promise<Buffer> {
    return gzipSync(await production.tool("pg_dump", [...args, "shop"]), { level: 1 });
}

/** A small dump in plain text: pg_dump's frame around the given SQL. */
export function frame(sql: string): Buffer {
    return gzipSync(
        `--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 15.20\n-- Dumped by pg_dump version 15.20\n\n` +
            `SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n${sql}\n\n` +
            "--\n-- PostgreSQL database dump complete\n--\n\n",
    );
}

/** Name of a generation's database while it is not live. */
export function aside(id: string): string {
    return generationName("shop", id);
}
