import { cp, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";

/** Finds icons in a theme's tree, as paths below the media root. */
export interface Icons {
    /** The largest icon of that folder and name, for example `apps/gimp`. */
    find(name: string): string | undefined;
}

/** From the largest to the smallest that still looks well on a page. */
const sizes = ["128", "96", "64", "48"];
const folders = ["apps", "categories", "devices", "mimes", "places"];

/** Reads which icons a theme has. */
export async function iconsOf(theme: string): Promise<Icons> {
    const found = new Map<string, string>();
    for (const folder of folders)
        for (const size of sizes)
            for (const file of await readdir(path.join(theme, folder, size)).catch(() => [])) {
                const name = `${folder}/${path.parse(file).name}`;
                if (file.endsWith(".png") && !found.has(name)) found.set(name, `icons/${folder}/${size}/${file}`);
            }
    return { find: (name) => found.get(name) };
}

/**
 * Copies a theme, its links and its files' times included, to `icons/` below the media root, unless it is there already. A copy that
 * was interrupted is begun again.
 */
export async function copyIcons(theme: string, mediaRoot: string): Promise<void> {
    const target = path.join(mediaRoot, "icons");
    if (await stat(target).catch(() => undefined)) return;
    const partial = path.join(mediaRoot, ".icons.partial");
    await rm(partial, { recursive: true, force: true });
    await cp(theme, partial, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    await rename(partial, target);
}
