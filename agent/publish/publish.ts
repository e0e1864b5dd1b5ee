import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type AnyManifest, catalogueFile, tiers } from "../../contract/manifest";
import type { Publication } from "../../contract/publication";
import { Refusal } from "../refusal";
import { formatBytes, log, Phases, plural } from "../report";
import { catalogueOf, summaryOf, toldToCluster } from "./catalogue";
import { publishCatalogue, readImageTag } from "./cluster";
import { type Dumper, openDumper } from "./dumper";
import { writeWhole } from "./files";
import { copyOffsite } from "./offsite";
import { type Kept, promoted, promotions, pruned } from "./retention";
import { appear, type Published, promote, readTier, remove, sweep, writeManifest } from "./tier";

/**
 * Backs up everything that the plan names under one stamp, with a manifest each, then brings the store in order: tiers,
 * catalogue, and the catalogue's copy in the cluster.
 *
 * @returns a sentence on what was made
 * @throws {Refusal} when the plan does not fit what is there, before anything was written
 * @throws {Error} when a dump fails, and then none of this run appears; or when they are there, but what follows fails
 */
export async function publish(plan: Publication, signal: AbortSignal): Promise<string> {
    await refuseAbsentStore(plan.store);
    const phases = new Phases();
    const dumper = await openDumper(plan, signal);
    try {
        const made = await makeBackups(plan, dumper, phases, signal).catch((error) => {
            throw inStore(plan.store, error);
        });
        const kept = await bringInOrder(plan, signal).catch((error) => {
            const names = made.map(({ backup }) => backup).join(", ");
            throw new Error(
                `${plural(made.length, "backup")} (${names}) complete, but: ${inStore(plan.store, error).message}`,
            );
        });
        return `${made.map(described).join("; ")}: published in ${phases.total} s. ${kept}`;
    } finally {
        await dumper.close();
    }
}

/** Returns the manifests of what has appeared. */
async function makeBackups(
    { store, cluster }: Publication,
    dumper: Dumper,
    phases: Phases,
    signal: AbortSignal,
): Promise<AnyManifest[]> {
    const imageTag = await readImageTag(cluster, signal);
    const folder = join(store, "hourly");
    await mkdir(folder, { recursive: true });
    await sweepAll(store);
    const stamp = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const made: AnyManifest[] = [];
    try {
        for (const subject of dumper.subjects) {
            const manifest = await phases.run(`dump ${subject}`, (watch) =>
                dumper.dump({ subject, stamp, imageTag, folder, watch }),
            );
            await writeManifest(store, "hourly", manifest);
            made.push(manifest);
        }
    } catch (error) {
        await sweepAll(store).catch(() => log("what this run has left is removed by the next one"));
        throw error;
    }
    // Not before all are complete: who reads meanwhile finds the whole former run.
    for (const manifest of made) {
        await appear(store, "hourly", manifest);
    }
    return made;
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

function described(manifest: AnyManifest): string {
    const { bytes, rows, tables } = summaryOf(manifest);
    return `${manifest.backup} (${formatBytes(bytes)}, ${plural(rows, "row")} in ${plural(tables, "table")})`;
}
