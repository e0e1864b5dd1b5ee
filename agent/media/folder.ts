import type { MediaPlan } from "../../contract";
import { type ListedFile, nameListed, storeApart, storeFiles } from "../../contract/files";
import { Refusal } from "../refusal";
import type { Soon } from "./after";
import { fromFolder } from "./copy";
import { editionOf, headerIn, wholeEdition } from "./edition";
import { Folders } from "./folders";
import { joined } from "./join";
import { inParallel } from "./lanes";
import { readListed, readManifest } from "./manifest";
import { raw } from "./name";
import { identityOf } from "./place";
import type { Source } from "./source";
import { Spool } from "./spool";
import { type Entry, placeOf, readTree } from "./tree";

/** What a store's manifest tells of an entry that the store itself does not: files there are the publisher's. */
type Listed = { path: string } & Partial<Pick<Entry, "uid" | "gid" | "mode">>;

/** What is to be known of a folder to read it. */
export type FolderPlan = Pick<MediaPlan, "exclude" | "links" | "sentinel" | "sharing" | "owners"> & {
    /** The replica's own volume, which must not be within it; on another machine it cannot be. */
    volume?: string;
};

/** Production's media in a folder: an export or a volume that is mounted. */
export function folderSource(root: string, { volume, exclude, links, sentinel, sharing, owners }: FolderPlan): Source {
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
            const all = { ...rules, ...(volume !== undefined && { forbidden: await identityOf(volume) }) };
            const listed = owners === "production" ? await inStore(readListed(tree, storeFiles, ownersIn)) : undefined;
            await (listed === undefined
                ? readTree(tree, all, each, object, signal)
                : withOwners((found) => readTree(tree, all, found, object, signal), listed, each, signal));
        },
        manifest: () => inStore(readManifest(tree, storeFiles)),
        bring: fromFolder(tree, sharing),
        hasOwners: true,
        async root() {
            if (begun?.edition !== undefined) {
                return undefined;
            }
            const found = await tree.in("", (place) => tree.calls.lstat(raw(`${place}/.`)));
            return { ...placeOf("", found), kind: "folder" };
        },
        close: () => tree.close(),
    };

    function inStore<T>(reading: Promise<T>): Promise<T> {
        return reading.catch((error: Error) => {
            throw new Refusal(
                `The file manifest ${storeFiles} of the media source ${root} cannot be used (${error.message}): let ` +
                    "production's side write it again, or remove it.",
            );
        });
    }
}

function ownersIn({ uid, gid, mode, ...entry }: ListedFile): Listed {
    const told = { ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }) };
    return { path: nameListed(entry), ...told, ...(mode !== undefined && { mode }) };
}

/** Tells of what is in a store, each entry with the owner and the permissions that it has in production. */
async function withOwners(
    read: (found: (entry: Entry) => void) => Promise<void>,
    listed: Spool<Listed>,
    each: (entry: Entry) => Soon<void>,
    signal: AbortSignal,
): Promise<void> {
    const entries = new Spool<Entry>();
    try {
        await read((entry) => entries.add(entry));
        for (const { items, known } of joined<Entry, Listed>(entries, [listed], ({ path }) => path)) {
            await inParallel(items, (entry) => each({ ...entry, ...known[0]?.get(entry.path) }), signal);
        }
    } finally {
        entries.close();
        listed.close();
    }
}
