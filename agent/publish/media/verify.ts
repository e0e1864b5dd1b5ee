import { storeFiles } from "../../../contract/files";
import type { Publication } from "../../../contract/publication";
import { editionOf, wholeEdition } from "../../media/edition";
import { Folders } from "../../media/folders";
import { Hashes } from "../../media/hash";
import { inParallel } from "../../media/lanes";
import { type Known, readManifest } from "../../media/manifest";
import { display } from "../../media/name";
import type { Spool } from "../../media/spool";
import { Refusal } from "../../refusal";
import { formatBytes, Phases, plural } from "../../report";
import { mediaOf } from "./publish";
import { markRotten, refuseNoStore } from "./store";

/** Files that an error names. */
const some = 20;

/** Seconds for which the store may be changed before a run is refused. */
const patience = 900;

/**
 * Reads every file of the store of media again and compares its hash with the manifest's. Nothing is changed but the mark of
 * what has rotted, which the next publish-media brings again from production.
 *
 * @returns a sentence on what was read
 * @throws {Refusal} when there is no manifest
 * @throws {Error} that names the files that are missing or differ
 */
export async function verifyMedia(plan: Publication, signal: AbortSignal): Promise<string> {
    const { store } = mediaOf(plan);
    await refuseNoStore(store);
    const tree = new Folders(store);
    let known: Spool<Known> | undefined;
    try {
        const edition = await wholeEdition(tree, patience, signal);
        known = await readManifest(tree, storeFiles);
        if (known === undefined) {
            throw new Refusal(`The media store ${store} has no file manifest: let publish-media end well first.`);
        }
        const { rotten, problems, bytes } = await compare(tree, known, signal);
        if ((await editionOf(tree)) !== edition) {
            return `The media store ${store} was published anew while it was read: the next run compares it.`;
        }
        await markRotten(store, rotten);
        if (problems.length > 0) {
            const more = rotten.length > some ? ` and ${rotten.length - some} more` : "";
            throw new Error(
                `Of ${plural(known.length, "file")} in ${store}, these are not as they were published: ` +
                    `${problems.join("; ")}${more}. They are marked, and the next publish-media brings them again: look ` +
                    "at the disk under the store.",
            );
        }
        return `All ${plural(known.length, "file")} in ${store} are as they were published: ${formatBytes(bytes)} read and compared.`;
    } finally {
        known?.close();
        await tree.close();
    }
}

async function compare(tree: Folders, known: Spool<Known>, signal: AbortSignal) {
    const rotten: string[] = [];
    const problems: string[] = [];
    const hashes = new Hashes(signal);
    let bytes = 0;
    await new Phases().run("verify", async (watch) => {
        watch(() => ({ done: bytes, unit: "byte" }));
        await inParallel(
            known,
            async ({ path, size, sha256 }) => {
                const found = await hashes.of(tree, path, size).catch((error: NodeJS.ErrnoException) => {
                    signal.throwIfAborted();
                    return error.code === "ENOENT" ? "missing" : `unreadable (${error.code})`;
                });
                bytes += size;
                if (found !== sha256) {
                    rotten.push(path);
                    const what = /^[0-9a-f]{64}$/.test(found) ? "differs" : `is ${found}`;
                    problems.push(...(problems.length < some ? [`${display(path)} ${what}`] : []));
                }
            },
            signal,
        );
    });
    return { rotten, problems, bytes };
}
