import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { developer } from "../../contract/hosts";
import type { MysqlPlan } from "../../contract/mysql";
import type { LiveDatabases } from "../engine";
import { readSecret } from "../postgres/server";
import { packed } from "../transfer/packed";
import { portable } from "./portable";
import { openProgram } from "./program";
import { quoted, rowsOf } from "./rows";
import { inspectServer } from "./server";
import { pattern } from "./stage";

/** Whom everything in a bundle belongs to, as SQL names the account. */
const account = `${quoted(developer)}@${quoted("%")}`;

/** Makes the live databases of the plan's server ready to be sent. */
export async function openLive(plan: MysqlPlan, signal: AbortSignal): Promise<LiveDatabases> {
    const { server } = plan.database;
    const { admin, version, close } = await inspectServer(plan);
    try {
        const password = server.passwordFile === undefined ? "" : await readSecret(server.passwordFile);
        const program = await openProgram(
            server,
            password,
            "is on the target's host: install the server's client programs there.",
        );
        const found = await rowsOf<{ name: string; text: string }>(
            admin,
            `select schema_name as name,
                    concat('character set ', default_character_set_name, ' collate ', default_collation_name) as text
               from information_schema.schemata`,
        );
        const texts = new Map(found.map(({ name, text }) => [name, text]));
        return {
            version,
            dump: (name) =>
                packed((into) => {
                    const dump = portable(program.dump(name, signal), name, account);
                    return pipeline(made(name, texts.get(name) ?? "", dump), createGzip(), into);
                }),
            // The way to the server goes with the run's folder.
            close: async () => undefined,
        };
    } finally {
        await close();
    }
}

/** A dump behind what makes its database, and lets the account of a bundle in. */
async function* made(name: string, text: string, dump: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    yield Buffer.from(
        `create database ${quoted(name)} ${text};\n` +
            `grant all on ${pattern(name)}.* to ${account};\n` +
            `use ${quoted(name)};\n`,
    );
    yield* dump;
}
