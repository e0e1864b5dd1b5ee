import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Publication } from "../../contract/publication";
import { DumpError } from "../backup/piece";
import { versionOf } from "../backup/program";

/** PostgreSQL's own programs, with the way to production's server. */
export interface Tools {
    /** Version of pg_dump, for example `15.20`. */
    version: string;
    /** Arguments with which a program connects. */
    connection: string[];
    /**
     * Runs a program. A stopped run ends it.
     *
     * @param reader gets what it writes
     * @throws {Error} with its first message when it fails
     */
    run(program: string, args: string[], reader?: (output: Readable) => Promise<void>): Promise<void>;
    /** Removes the file with the password. */
    close(): Promise<void>;
}

/**
 * Makes the tools ready.
 *
 * @param password of the plan's user; it goes into a file that only this user can read
 * @throws {Refusal} when they are not there
 */
export async function openTools(
    { server }: { server: Pick<Publication["server"], "host" | "port" | "user"> },
    password: string,
    signal: AbortSignal,
): Promise<Tools> {
    const version = await versionOf("pg_dump");
    const folder = await mkdtemp(join(tmpdir(), "understudy-publish-"));
    const file = join(folder, "password");
    await writeFile(file, `*:*:*:*:${password.replaceAll(/[\\:]/g, "\\$&")}\n`, { mode: 0o600 });
    const env = {
        PATH: process.env.PATH,
        LC_ALL: "C",
        PGPASSFILE: file,
        PGAPPNAME: "understudy publish",
        // Else rows are written as the server is set, and their hashes depend on it; pg_dump sets all else by itself.
        PGTZ: "UTC",
        PGOPTIONS: "-c bytea_output=hex",
    };
    return {
        version,
        connection: [
            ...[`--host=${server.host}`, `--port=${server.port}`, `--username=${server.user}`],
            "--no-password",
        ],
        run: (program, args, reader = drained) => run(program, args, { env, signal }, reader),
        close: () => rm(folder, { recursive: true, force: true }),
    };
}

async function drained(output: Readable): Promise<void> {
    output.resume();
}

async function run(
    program: string,
    args: string[],
    { env, signal }: { env: NodeJS.ProcessEnv; signal: AbortSignal },
    reader: (output: Readable) => Promise<void>,
): Promise<void> {
    const child = spawn(program, args, { env, signal, stdio: ["ignore", "pipe", "pipe"] });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
        errors = (errors + chunk.toString()).slice(0, 20_000);
    });
    const ended = new Promise<string | undefined>((resolve) => {
        child.on("error", (error) => resolve(`it cannot be started (${error.message})`));
        child.on("close", (status, by) => resolve(status === 0 ? undefined : problemIn(errors, status, by)));
    });
    try {
        await reader(child.stdout);
    } catch (error) {
        if (error instanceof DumpError) {
            // Its output was cut off, most likely because it failed: it says why.
            const problem = await ended;
            signal.throwIfAborted();
            throw problem === undefined ? error : new Error(`${program} failed: ${problem}.`);
        }
        child.kill();
        await ended;
        signal.throwIfAborted();
        throw error;
    }
    const problem = await ended;
    signal.throwIfAborted();
    if (problem !== undefined) {
        throw new Error(`${program} failed: ${problem}.`);
    }
}

/** The first error that a program has written, without its own name and without the lines that explain it. */
function problemIn(errors: string, status: number | null, signal: string | null): string {
    const [, message] = /error: +(.*(?:\n(?!pg_\w+:).*)*)/.exec(errors) ?? [];
    return (
        message?.replaceAll(/\s+/g, " ").trim().replace(/\.$/, "") ??
        (signal === null ? `it ended with status ${status}` : `it was ended by ${signal}`)
    );
}
