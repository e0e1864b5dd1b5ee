/** The file manifest: what a tree of media holds, a line of JSON for each entry after a first line that says what it is. */
import { isUtf8 } from "node:buffer";
import * as z from "zod";

/** Version of the manifest's shape. */
export const filesVersion = 1;

/** Manifest at the root of production's store of media, which is no part of the media. */
export const storeFiles = ".understudy.files.jsonl";

/** The manifest's first line. */
export const filesHeader = z.strictObject({ manifest: z.literal("files"), version: z.literal(filesVersion) });

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
