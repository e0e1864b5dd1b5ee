/** The part of a stack file that says which files the replica has. */
import picomatch from "picomatch";
import { z } from "zod";
import { duration, size } from "./values";

/** A share of a hundred. */
export const percent = z.number().min(0).max(100);

/** A glob that is matched with paths below the root of production's files. */
export const glob = z
    .string()
    .regex(/^(?!\.{0,2}\/)(?!.*(^|\/)\.\.(\/|$))[^!\0][^\0]*[^/\0]$|^[^/!\0]$/, {
        error: "write a glob below production's folder, such as cache/** or **/*.tmp: no slash at either end, no .. and no !",
    })
    .refine((text) => isGlob(text), { error: "write a glob whose brackets are closed" });

/** A file of production's, below the root. */
export const relativePath = z
    .string()
    .regex(
        /^(?!\/)(?!.*(^|\/)\.{0,2}(\/|$))[^\0]+$/,
        "write a path below production's folder, without a slash at either end",
    );

/** Which files the rows of a database name. */
const references = z.strictObject({
    /** Name in the replica; the application's database if left out. */
    database: z.string().min(1).optional(),
    /** A SELECT of one column: paths below production's folder. Null and empty ones do not count. */
    query: z.string().regex(/^\s*(select|with|values|table)\b/i, "write a SELECT of one column with paths"),
    /** Percent of these files that may be missing: backups and media are seldom of the same minute. */
    maximumMissing: percent.default(5),
});

const mode = z.enum(["copy", "share-read-only"]);

/** A source with fewer files is taken for a mount that is missing. */
const minimumFiles = z.number().int().min(1).default(1);

/** A source without this file is taken for a mount that is missing; it is no part of the copy. */
const sentinel = relativePath.optional();

/** Media that are copied, and how. */
export const copiedMedia = z.strictObject({
    mode: mode.default("copy").transform(() => "copy" as const),
    /** Any text; another one means: refresh again. */
    refresh: z.string().default("1"),
    volume: size,
    /** `ReadWriteOnce` puts every pod that mounts the volume on one node. */
    accessMode: z.enum(["ReadWriteMany", "ReadWriteOnce"]).default("ReadWriteMany"),
    /** How a copy comes to have what has not changed since the former one. */
    sharing: z.enum(["link", "clone", "copy"]).default("link"),
    /** Whether symbolic links may lead out of production's folder. */
    links: z.enum(["refuse", "keep"]).default("refuse"),
    /** Whose the copies are. `production` keeps owners, groups and permissions, for which the agent runs as user 0. */
    owners: z.enum(["agent", "production"]).default("agent"),
    /** What is left out. */
    exclude: z.array(glob).default([]),
    minimumFiles,
    sentinel,
    /** Percent of the former copy's files that the source may lack. */
    maximumDeletions: percent.default(20),
    /** Percent of the files whose content is compared with production's file manifest. */
    verify: z.strictObject({ copied: percent.default(100), linked: percent.default(1) }).prefault({}),
    /** How rows and files are compared before they are used together; they are not if left out. */
    references: references.optional(),
    keepGenerations: z.number().int().min(0).max(10).default(1),
    timeout: duration.prefault("90m"),
});

/** Media that are not copied: the application reads production's own, and cannot write to them. */
export const sharedMedia = z.strictObject({
    mode: mode.transform(() => "share-read-only" as const),
    minimumFiles,
    sentinel,
});

export type CopiedMedia = z.infer<typeof copiedMedia>;
export type SharedMedia = z.infer<typeof sharedMedia>;

/** The media as a stack file has them: what there is to be set depends on whether they are copied. */
export function mediaFor(written: unknown) {
    const isShared = (written as { mode?: unknown } | undefined)?.mode === "share-read-only";
    return (isShared ? sharedMedia : copiedMedia) as z.ZodType<CopiedMedia | SharedMedia>;
}

function isGlob(text: string): boolean {
    try {
        picomatch.makeRe(text, { strictBrackets: true });
        return true;
    } catch {
        return false;
    }
}
