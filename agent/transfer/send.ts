import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { SourcePlan } from "../../contract/hosts";
import { readSecret } from "../postgres/server";
import { type Facts, readFacts } from "../publish/facts";
import { openTools } from "../publish/tools";
import { plural } from "../report";
import { dumped } from "./dump";
import { found, made, sentDumps, stampOf } from "./files";
import { framesOf, type SentFile } from "./frames";

/**
 * Writes the source's backup to standard output, as `frames.ts` has it.
 *
 * @returns a sentence on what was sent
 * @throws {Refusal} when there is no such backup
 * @throws {Error} when a dump fails; whoever reads then has no last word
 */
export async function sendBackup(plan: SourcePlan, signal: AbortSignal): Promise<string> {
    if (plan.backup !== "now") {
        const dumps = await found(plan);
        return send(plan, sentDumps(dumps, stampOf(dumps)), stampOf(dumps), undefined, signal);
    }
    if (plan.command !== undefined) {
        const dumps = await made(plan, signal);
        return send(plan, sentDumps(dumps, stampOf(dumps)), stampOf(dumps), undefined, signal);
    }
    const password = plan.server.passwordFile === undefined ? "" : await readSecret(plan.server.passwordFile);
    const asking = { ...plan, migrations: {} };
    const tools = await openTools(plan, password, signal);
    try {
        const facts = await readFacts(asking, password);
        const stamp = new Date().toISOString().replace(/\.\d+Z$/, "Z");
        return await send(plan, dumped(plan, { tools, facts, stamp }), stamp, facts, signal);
    } finally {
        await tools.close();
    }
}

async function send(
    { databases, replica }: SourcePlan,
    files: AsyncIterable<SentFile>,
    stamp: string,
    facts: Facts | undefined,
    signal: AbortSignal,
): Promise<string> {
    const systemIdentifier = replica ? undefined : facts?.server.systemIdentifier;
    const last = () => ({
        word: "done" as const,
        stamp,
        ...(systemIdentifier !== undefined && { systemIdentifier }),
    });
    await pipeline(Readable.from(framesOf(files, last), { objectMode: false }), process.stdout, { signal, end: false });
    return `Backup ${stamp} of ${plural(databases.length, "database")} (${databases.join(", ")}) was sent.`;
}
