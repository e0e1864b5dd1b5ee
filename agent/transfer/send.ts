import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { SourcePlan } from "../../contract/hosts";
import { openDumps, storedFiles } from "../mysql/dump";
import { readSecret } from "../postgres/server";
import { readFacts } from "../publish/facts";
import { openTools } from "../publish/tools";
import { plural } from "../report";
import { dumped } from "./dump";
import { found, made, sentDumps } from "./files";
import { framesOf, type SentFile } from "./frames";

/**
 * Writes the source's backup to standard output, as `frames.ts` has it.
 *
 * @returns a sentence on what was sent
 * @throws {Refusal} when there is no such backup
 * @throws {Error} when a dump fails; whoever reads then has no last word
 */
export async function sendBackup(plan: SourcePlan, signal: AbortSignal): Promise<string> {
    if (plan.backup !== "now" || plan.command !== undefined) {
        const { stamp, files } = await sentDumps(plan.backup === "now" ? await made(plan, signal) : await found(plan));
        return send(plan, files, stamp, undefined, signal);
    }
    const stamp = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    if (plan.engine === "mysql") {
        const dumps = await openDumps(plan, ".", signal);
        return send(plan, storedFiles(dumps, plan.databases, { stamp }), stamp, dumps.identifier, signal);
    }
    const password = plan.server.passwordFile === undefined ? "" : await readSecret(plan.server.passwordFile);
    const tools = await openTools(plan, password, signal);
    try {
        const facts = await readFacts({ ...plan, migrations: {} }, password);
        const { systemIdentifier } = facts.server;
        return await send(plan, dumped(plan, { tools, facts, stamp }), stamp, systemIdentifier, signal);
    } finally {
        await tools.close();
    }
}

async function send(
    { databases, replica }: SourcePlan,
    files: AsyncIterable<SentFile>,
    stamp: string,
    identifier: string | undefined,
    signal: AbortSignal,
): Promise<string> {
    // A replica's own server may be the target's as well.
    const last = () => ({
        word: "done" as const,
        stamp,
        ...(identifier !== undefined && !replica && { identifier }),
    });
    await pipeline(Readable.from(framesOf(files, last), { objectMode: false }), process.stdout, { signal, end: false });
    return `Backup ${stamp} of ${plural(databases.length, "database")} (${databases.join(", ")}) was sent.`;
}
