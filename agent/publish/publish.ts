import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import {
    catalogueFile,
    dumpEncoding,
    type Manifest,
    manifestVersion,
    serverSubject,
    tiers,
} from "../../contract/manifest";
import type { Publication } from "../../contract/publication";
import { readSecret } from "../postgres/server";
import { Refusal } from "../refusal";
import { formatBytes, log, Phases, plural } from "../report";
import { catalogueOf, toldToCluster } from "./catalogue";
import { publishCatalogue, readImageTag } from "./cluster";
import { dump } from "./dump";
import { type Facts, readFacts } from "./facts";
import { writeWhole } from "./files";
import { copyOffsite } from "./offsite";
import { type Kept, promoted, promotions, pruned } from "./retention";
import { appear, type Published, promote, readTier, remove, sweep, writeManifest } from "./tier";
import { openTools, type Tools } from "./tools";

/** A complete dump under its partial name, and the manifest that is to stand beside it. */
interface Made {
    stem: string;
    manifest: Manifest;
}

/**
 * Backs up everything that the plan names under one stamp, with a manifest each, then brings the store in order: tiers,
 * catalogue, and the catalogue's copy in the cluster.
 *
 * @returns a sentence on what was made
 * @throws {Refusal} when the plan does not fit what is there, before anything was written
 * @throws {Error} when a dump fails, and then none of this run appears; or when they are there, but what follows fails
 */
export async function publish(plan: Publication, signal: AbortSignal): Promise<string> {
    const password = await readSecret(plan.server.passwordFile);
    await refuseAbsentStore(plan.store);
    const tools = await openTools(plan, password, signal);
    const phases = new Phases();
    try {
        const made = await makeBackups(plan, tools, await readFacts(plan, password), phases, signal).catch((error) => {
            throw inStore(plan.store, error);
        });
        const kept = await bringInOrder(plan, signal).catch((error) => {
            const names = made.map(({ manifest }) => manifest.backup).join(", ");
            throw new Error(
                `${plural(made.length, "backup")} (${names}) complete, but: ${inStore(plan.store, error).message}`,
            );
        });
        return `${made.map(described).join("; ")}: published in ${phases.total} s. ${kept}`;
    } finally {
        await tools.close();
    }
}

async function makeBackups(
    plan: Publication,
    tools: Tools,
    facts: Facts,
    phases: Phases,
    signal: AbortSignal,
): Promise<Made[]> {
    refuseOtherTools(tools.version, facts.server.version);
    const imageTag = await readImageTag(plan.cluster, signal);
    const { store } = plan;
    await mkdir(join(store, "hourly"), { recursive: true });
    await sweepAll(store);
    const stamp = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const made: Made[] = [];
    try {
        for (const subject of plan.dump === "server" ? [serverSubject] : plan.databases) {
            made.push(await makeBackup(subject));
        }
    } catch (error) {
        await sweepAll(store).catch(() => log("what this run has left is removed by the next one"));
        throw error;
    }
    // Not before all are complete: who reads meanwhile finds the whole former run.
    for (const { stem, manifest } of made) {
        await appear(store, "hourly", stem, manifest);
    }
    return made;

    async function makeBackup(subject: string): Promise<Made> {
        const begun = new Date().toISOString();
        const stem = `backup-${stamp}-${subject}`;
        const backup = plan.format === "plain" ? `${stem}.sql.gz` : stem;
        const path = join(store, "hourly", backup);
        const encoding = dumpEncoding(plan.dump, facts.databases.get(subject)?.encoding);
        const { files, databases } = await phases.run(`dump ${subject}`, (watch) =>
            dump({ plan, tools, subject, encoding, path, watch, signal }),
        );
        const manifest: Manifest = {
            ...{ version: manifestVersion, backup, stamp, subject, dump: plan.dump, format: plan.format },
            ...{ begun, ended: new Date().toISOString(), client: tools.version, server: facts.server },
            ...(imageTag !== undefined && { imageTag }),
            files,
            databases: Object.fromEntries(
                [...databases].map(([name, held]) => [name, { ...factsOf(facts, name), ...held }]),
            ),
        };
        await writeManifest(store, "hourly", stem, manifest);
        return { stem, manifest };
    }
}

function factsOf({ databases }: Facts, name: string) {
    const facts = databases.get(name);
    if (facts === undefined) {
        throw new Error(`Database ${name} was made while the server was dumped: the next run has it.`);
    }
    return facts;
}

/** Tiers, catalogue and the copy off-site. Returns a sentence on what has changed beside the new backups. */
async function bringInOrder(plan: Publication, signal: AbortSignal): Promise<string> {
    const { store, keep, cluster } = plan;
    const done: string[] = [];
    for (const { tier, below } of promotions(keep)) {
        const run = promoted(tier, runsOf(await readTier(store, tier)), runsOf(await readTier(store, below)));
        for (const one of run?.backups ?? []) {
            await promote(store, one, tier);
            done.push(`${one.stem} is kept as ${tier} too`);
        }
    }
    for (const tier of tiers) {
        for (const { backups } of pruned(runsOf(await readTier(store, tier)), keep[tier])) {
            for (const one of backups) {
                await remove(store, one);
                done.push(`${tier}/${one.stem} is removed`);
            }
        }
    }
    const published = (await Promise.all(tiers.map((tier) => readTier(store, tier)))).flat();
    const text = catalogueOf(published);
    await writeWhole(join(store, catalogueFile), text);
    await publishCatalogue(cluster, toldToCluster(published), signal);
    for (const sentence of done) {
        log(sentence);
    }
    await copyOffsite(plan, signal);
    return `The catalogue lists ${plural(text.split("\n").length - 1, "backup")}.`;
}

/** Backups by their stamp: what one run has made is kept and removed together. */
function runsOf(published: Published[]): (Kept & { backups: Published[] })[] {
    const stamps = [...new Set(published.map(({ stamp }) => stamp))];
    return stamps.map((stamp) => {
        const backups = published.filter((one) => one.stamp === stamp);
        return { stamp, time: Date.parse(stamp), good: backups.every(({ good }) => good), backups };
    });
}

async function sweepAll(store: string): Promise<void> {
    for (const tier of tiers) {
        for (const name of await sweep(store, tier)) {
            log(`${tier}/${name} was left by a run that did not end`);
        }
    }
}

async function refuseAbsentStore(store: string): Promise<void> {
    const status = await stat(store).catch(() => undefined);
    if (status?.isDirectory() !== true) {
        throw new Refusal(`The backup store ${store} is not there: mount the claim of store.claim there.`);
    }
}

/** An older pg_dump cannot read the server, and the folders of a newer one cannot be restored by the server's own tools. */
function refuseOtherTools(client: string, server: string): void {
    if (Number.parseInt(client, 10) !== Number.parseInt(server, 10)) {
        throw new Refusal(
            `pg_dump is ${client}, and the server ${server}: set database.image to the official image of the server's ` +
                "major version.",
        );
    }
}

/** What the file system says of a store, as a sentence. */
function inStore(store: string, error: unknown): Error {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT" || /No space left on device/.test(message)) {
        return new Error(`The store ${store} is full: make its volume larger, or keep fewer backups (store.keep).`);
    }
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
        return new Error(`The store ${store} cannot be written to (${message}): let the publisher's user write there.`);
    }
    return error as Error;
}

function described({ manifest }: Made): string {
    const tables = Object.values(manifest.databases).flatMap((database) => Object.values(database.tables));
    const rows = tables.reduce((sum, table) => sum + table.rows, 0);
    const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
    return `${manifest.backup} (${formatBytes(bytes)}, ${plural(rows, "row")} in ${plural(tables.length, "table")})`;
}
