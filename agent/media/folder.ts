import type { MediaPlan } from "../../contract";
import { storeApart, storeFiles } from "../../contract/files";
import { Refusal } from "../refusal";
import { fromFolder } from "./copy";
import { editionOf, headerIn, wholeEdition } from "./edition";
import { Folders } from "./folders";
import { readManifest } from "./manifest";
import { identityOf } from "./place";
import type { Source } from "./source";
import { readTree } from "./tree";

/** Production's media in a folder: an export or a volume that is mounted. */
export function folderSource(root: string, { volume, exclude, links, sentinel, sharing }: MediaPlan): Source {
    const tree = new Folders(root);
    const rules = { exclude, links, apart: sentinel === undefined ? storeApart : [...storeApart, sentinel] };
    let begun: { edition: string | undefined } | undefined;
    return {
        async begin(patience, signal) {
            begun = { edition: await wholeEdition(tree, patience, signal) };
        },
        published: () => headerIn(begun?.edition)?.published,
        isOvertaken: async () => begun !== undefined && (await editionOf(tree)) !== begun.edition,
        async read(each, object, signal) {
            await readTree(tree, { ...rules, forbidden: await identityOf(volume) }, each, object, signal);
        },
        async manifest() {
            return readManifest(tree, storeFiles).catch((error: Error) => {
                throw new Refusal(
                    `The file manifest ${storeFiles} of the media source ${root} cannot be used (${error.message}): let ` +
                        "production's side write it again, or remove it.",
                );
            });
        },
        bring: fromFolder(tree, sharing),
        close: () => tree.close(),
    };
}
