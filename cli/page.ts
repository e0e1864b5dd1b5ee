/** `understudy page FOLDER`: a page that tells how all replicas are, and the same figures for Prometheus. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { firstLine } from "../cluster";
import { pageOf } from "../page/document";
import { metricsOf } from "../page/metrics";
import type { Standing } from "./overview";

/**
 * Writes `index.html` and `metrics.prom` into a folder, which is made if need be. Whoever reads them meanwhile gets the
 * former ones, whole.
 *
 * @throws Error when there is no stack, or the folder cannot be written to
 */
export async function writePage(folder: string, standings: Standing[], now = Date.now()): Promise<void> {
    if (standings.length === 0) {
        throw new Error(
            "There is no Pulumi.<stack>.yaml in this folder: run understudy page where the stack files are.",
        );
    }
    const files = { "index.html": pageOf(standings, now), "metrics.prom": metricsOf(standings, now) };
    try {
        await mkdir(folder, { recursive: true });
        for (const [name, text] of Object.entries(files)) {
            await replace(path.join(folder, name), text);
        }
    } catch (error) {
        throw new Error(`${folder} cannot be written to (${firstLine(error)}): write another folder.`);
    }
}

async function replace(file: string, text: string): Promise<void> {
    const partial = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.partial`);
    try {
        await writeFile(partial, text);
        await rename(partial, file);
    } finally {
        await rm(partial, { force: true });
    }
}
