import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Plan } from "../../contract";
import type { LiveDatabases } from "../engine";
import { openTools } from "../publish/tools";
import { packed } from "../transfer/packed";
import { inspectServer, readSecret } from "./server";

/** Makes the live databases of the plan's server ready to be sent. */
export async function openLive(plan: Plan, signal: AbortSignal): Promise<LiveDatabases> {
    const { admin, close } = await inspectServer(plan, "survey");
    try {
        const { rows } = await admin.query<{ version: string }>("select current_setting('server_version') as version");
        const { passwordFile } = plan.database.server;
        const password = passwordFile === undefined ? "" : await readSecret(passwordFile);
        const tools = await openTools(plan.database, password, signal);
        return {
            version: rows[0]?.version ?? "",
            dump(name) {
                // Owners and rights are the replica's.
                const args = [...tools.connection, `--dbname=${name}`, "--no-owner", "--no-acl"];
                return packed((into) =>
                    tools.run("pg_dump", args, (output) => pipeline(made(name, output), createGzip(), into)),
                );
            },
            close: tools.close,
        };
    } finally {
        await close();
    }
}

/** A dump behind what makes its database. */
async function* made(name: string, dump: Readable): AsyncGenerator<Buffer> {
    yield Buffer.from(`create database "${name}" template template0 encoding 'UTF8';\n\\connect "${name}"\n`);
    yield* dump as AsyncIterable<Buffer>;
}
