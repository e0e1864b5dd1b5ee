import type { Side } from "./side";
import { askSigned, folderOf, pathOf } from "./signed";

/** Uploads that are removed at once. */
const some = 1000;

/**
 * Removes uploads below a target that were never finished: a run that was killed leaves those of its large objects, which
 * no list shows.
 */
export async function removeUnfinished(side: Side, signal: AbortSignal): Promise<void> {
    const question = `?uploads&max-uploads=${some}&prefix=${encodeURIComponent(folderOf(side))}`;
    const answer = await askSigned(side, question, signal);
    const uploads = answer?.ok ? [...answer.text.matchAll(/<Upload>.*?<\/Upload>/gs)] : [];
    for (const [upload] of uploads) {
        const key = valueIn(upload, "Key");
        if (key.startsWith(folderOf(side))) {
            const path = `${pathOf(key)}?uploadId=${encodeURIComponent(valueIn(upload, "UploadId"))}`;
            await askSigned(side, path, signal, "DELETE");
        }
    }
}

function valueIn(xml: string, name: string): string {
    const text = new RegExp(`<${name}>(.*?)</${name}>`, "s").exec(xml)?.[1] ?? "";
    return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (entity, decimal, hexadecimal, word) => {
        const named: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
        const code = decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number(decimal);
        return word === undefined ? String.fromCodePoint(code) : (named[word] ?? entity);
    });
}
