/** The file manifest: what a tree of media holds, a line of JSON for each entry after a first line that says what it is. */
import { isUtf8 } from "node:buffer";
import * as z from "zod";

/** Version of the manifest's shape. */
export const filesVersion = 1;

/** Manifest at the root of production's store of media. It is there only if the store is, and is good as a sentinel. */
export const storeFiles = ".understudy.files.jsonl";

/** What production's side has in the root of its store besides, none of it part of the media. */
export const storeOwn = {
    /** The last whole manifest, while the one in its place tells that the store is being changed. */
    former: ".understudy.files.former.jsonl",
    /** Folder of what is to come into the store. */
    incoming: ".understudy.incoming",
    /** What became of it run by run, see `contract/editions.ts`. */
    editions: ".understudy.editions.jsonl",
    /** The files whose contents have changed since they came, a line of JSON each. */
    rotten: ".understudy.rotten.jsonl",
} as const;

/** All of these, and what they are called while they are written. */
export const storeApart = [storeFiles, ...Object.values(storeOwn)].flatMap((name) => [name, `${name}.new`]);

/** The manifest's first line. */
export const filesHeader = z.strictObject({
    manifest: z.literal("files"),
    version: z.literal(filesVersion),
    /** ISO time of the last change of the store that it is about; of a store only. */
    published: z.iso.datetime().optional(),
    /** Whether the store is being changed, or was when a run ended: nothing else is in the manifest then. */
    unfinished: z.literal(true).optional(),
});
export type FilesHeader = z.infer<typeof filesHeader>;

/** One entry of a tree. */
export const listedFile = z.strictObject({
    /** Below the tree's root. */
    path: z.string().optional(),
    /** The same of a name that is no text in UTF-8: its bytes in hexadecimal digits. */
    bytes: z
        .string()
        .regex(/^([0-9a-f]{2})+$/)
        .optional(),
    kind: z.enum(["file", "folder", "link"]),
    /** Bytes; of a file only. */
    size: z.number().optional(),
    /** Milliseconds since 1970, to the microsecond. */
    mtime: z.number(),
    /** Permissions and owner in production; absent where the store knows none. */
    mode: z.number().optional(),
    uid: z.number().optional(),
    gid: z.number().optional(),
    /** Inode of a file in production; of a store only. */
    ino: z.number().optional(),
    /** What a link leads to, in hexadecimal digits. */
    target: z.string().optional(),
    /** SHA-256 of a file's content, where somebody has computed it. */
    sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional(),
});
export type ListedFile = z.infer<typeof listedFile>;

/** How the manifest calls an entry, whose name is bytes in Latin-1. */
export function listedName(path: string): Pick<ListedFile, "path" | "bytes"> {
    const bytes = Buffer.from(path, "latin1");
    return isUtf8(bytes) ? { path: bytes.toString() } : { bytes: bytes.toString("hex") };
}

/** The bytes of an entry's name, in Latin-1. */
export function nameListed({ path, bytes }: Pick<ListedFile, "path" | "bytes">): string {
    return bytes === undefined
        ? Buffer.from(path ?? "").toString("latin1")
        : Buffer.from(bytes, "hex").toString("latin1");
}
