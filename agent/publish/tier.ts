import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AnyManifest, anyManifest, rotMark, type Tier } from "../../contract/manifest";
import { linkWhole, partial, partialOf, removeWhole, sync, writeWhole } from "./files";
import type { Kept } from "./retention";

/** A backup with a manifest, as it stands in a tier. Those without one are left alone, and are none of these. */
export interface Published extends Kept {
    tier: Tier;
    /** Its name without an ending: `backup-2026-11-20T02:04:01Z-shop`. */
    stem: string;
    /** What its manifest says, and the SHA-256 of that file; undefined when it is torn, or of another version. */
    manifest: { content: AnyManifest; sha256: string } | undefined;
}

const suffix = ".json";

/** Everything that stands in a tier with a manifest. */
export async function readTier(store: string, tier: Tier): Promise<Published[]> {
    const names = await namesIn(join(store, tier));
    const found = names.flatMap((name) => {
        const [, stem, stamp] = /^(backup-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)-.+)\.json$/.exec(name) ?? [];
        return stem === undefined || stamp === undefined ? [] : [{ stem, stamp }];
    });
    return Promise.all(
        found.map(async ({ stem, stamp }) => {
            const manifest = await readManifest(join(store, tier, stem + suffix));
            const one = { tier, stem, stamp, time: Date.parse(stamp), manifest };
            return { ...one, good: !names.includes(rotMark(stem)) && (await fits(store, one)) };
        }),
    );
}

/** Names in a tier's folder, which is made with the first that comes there. */
async function namesIn(folder: string): Promise<string[]> {
    return readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
        if (error.code === "ENOENT") {
            return [];
        }
        throw error;
    });
}

async function readManifest(path: string): Promise<Published["manifest"]> {
    const text = await readFile(path, "utf8").catch(() => "");
    try {
        const content = anyManifest.parse(JSON.parse(text));
        return { content, sha256: createHash("sha256").update(text).digest("hex") };
    } catch {
        return undefined;
    }
}

/** Whether the files that its manifest names are there, in their sizes. */
async function fits(store: string, one: Pick<Published, "tier" | "manifest">): Promise<boolean> {
    const sizes = filesOf(store, one).map(async ({ path, bytes }) => {
        const status = await stat(path).catch(() => undefined);
        return status?.size === bytes;
    });
    return one.manifest !== undefined && (await Promise.all(sizes)).every((same) => same);
}

/** The files that a manifest names, and where they stand. */
export function filesOf(store: string, { tier, manifest }: Pick<Published, "tier" | "manifest">) {
    const { files = {}, format = "plain", backup = "" } = manifest?.content ?? {};
    const folder = join(store, tier, format === "directory" ? backup : "");
    return Object.entries(files).map(([file, { bytes, sha256 }]) => ({
        name: format === "directory" ? `${tier}/${backup}/${file}` : `${tier}/${file}`,
        path: join(folder, file),
        bytes,
        sha256,
    }));
}

/** Name of a backup's manifest. */
function manifestFile({ stamp, subject }: AnyManifest): string {
    return `backup-${stamp}-${subject}${suffix}`;
}

/** Writes the manifest of a backup beside it, both still under their partial names. */
export async function writeManifest(store: string, tier: Tier, manifest: AnyManifest): Promise<void> {
    const file = partialOf(join(store, tier, manifestFile(manifest)));
    await writeFile(file, `${JSON.stringify(manifest, undefined, 2)}\n`);
    await sync(file);
}

/** Lets a backup appear, and its manifest after it. */
export async function appear(store: string, tier: Tier, manifest: AnyManifest): Promise<void> {
    for (const name of [manifest.backup, manifestFile(manifest)]) {
        const path = join(store, tier, name);
        await rename(partialOf(path), path);
    }
    await sync(join(store, tier));
}

/** Lets a backup appear in another tier. */
export async function promote(store: string, { tier: from, stem, manifest }: Published, to: Tier): Promise<void> {
    if (manifest === undefined) {
        throw new Error(`The backup ${from}/${stem} has no manifest any more: it cannot go over to ${to}.`);
    }
    await mkdir(join(store, to), { recursive: true });
    for (const name of [manifest.content.backup, stem + suffix]) {
        // A run that was killed may have left a folder there, which nothing can be renamed over.
        await removeWhole(join(store, to, name));
        await linkWhole(join(store, from, name), join(store, to, name));
    }
}

/** Removes a backup: first itself, then its manifest, so that a run that is killed meanwhile is finished by the next. */
export async function remove(store: string, { tier, stem, manifest }: Published): Promise<void> {
    const backup = manifest?.content.backup;
    const names = backup === undefined ? [stem, `${stem}.sql.gz`] : [backup];
    for (const name of [...names, rotMark(stem), stem + suffix]) {
        await removeWhole(join(store, tier, name));
    }
}

/** Removes what a run that was killed has left; a manifest whose backup has appeared already follows it. */
export async function sweep(store: string, tier: Tier): Promise<string[]> {
    const folder = join(store, tier);
    const left = (await namesIn(folder)).filter((name) => name.startsWith(partial));
    for (const name of left) {
        const path = join(folder, name);
        const backup = (await readManifest(path))?.content.backup;
        if (backup !== undefined && existsSync(join(folder, backup))) {
            await rename(path, join(folder, name.slice(partial.length)));
        } else {
            await rm(path, { recursive: true, force: true });
        }
    }
    return left;
}

/** Marks a backup as rotten, or as sound again. Retention takes a marked one for lost; the catalogue leaves it out. */
export async function mark(store: string, { tier, stem }: Published, problems: string[]): Promise<void> {
    const path = join(store, tier, rotMark(stem));
    await (problems.length === 0 ? rm(path, { force: true }) : writeWhole(path, `${problems.join("\n")}\n`));
}
