/** What a refresh leaves behind. */
import * as z from "zod";
import { dumpKind, generationIdText } from "../contract";
import { hookReport } from "./hooks";
import { identityReport } from "./identity";
import { maskReport } from "./masking";

/** What was read of a table. */
const loadedTable = z.strictObject({
    /** Rows that the dump held, equal to the rows found on the server afterwards. */
    rows: z.number(),
    /** Bytes of the rows in COPY's text format, as the dump held them. */
    bytes: z.number(),
    /** SHA-256 of that text as read back from the server, equal to the one that a manifest names; absent if none does. */
    sha256: z.string().optional(),
    /**
     * Rows that an extension has made itself in this table of its own, on top of the dump's. With them nothing can be read
     * back by its hash, and `sha256` is what the manifest names.
     */
    made: z.number().optional(),
    /** What MySQL's `CHECKSUM TABLE` says of them, equal to what a manifest names; absent if none does. */
    checksum: z.string().optional(),
});

/** One phase of a run, in the order in which they ran. */
const phase = z.strictObject({ name: z.string(), seconds: z.number() });

/** What a refresh leaves behind of each database. */
export const databaseReport = z.strictObject({
    dump: dumpKind,
    /** File name of the backup, and its stamp. */
    backup: z.string(),
    stamp: z.string(),
    /** Bytes of the backup's file and of the restored database. */
    backupBytes: z.number(),
    databaseBytes: z.number(),
    /** SHA-256 of the backup's file as it was read. */
    sha256: z.string(),
    /** By name, as the dump writes it. */
    tables: z.record(z.string(), loadedTable),
    largeObjects: z.number(),
    sequences: z.number(),
    /** Versions of the extensions in the copy, by name. */
    extensions: z.record(z.string(), z.string()),
    /** The newest migration of the application, as the backup's manifest names it. */
    migrations: z.string().optional(),
    /** What proves that the backup was whole. */
    proof: z.array(z.string()),
    /** What could not be checked because the source does not tell. */
    unknown: z.array(z.string()),
    /** Statements of the database that were left out, each with its reason. */
    skipped: z.array(z.string()),
    /** What the backup held besides the database: other databases by name, and how many roles and passwords. */
    leftOut: z.array(z.string()),
    /** SHA-256 of the schema, as the backup's manifest names it. */
    schema: z.string().optional(),
    /** Id of the base that it was cloned from, in place of a restore. */
    base: generationIdText.optional(),
    /** Tables that were loaded into that clone in place of the base's, when the backup holds others than the base's did. */
    reloaded: z.array(z.string()).optional(),
    /** What the stack's hooks have done to the copy before it was used. */
    hooks: z.array(hookReport).optional(),
    /** What of people's data was masked. */
    masked: maskReport.optional(),
    /** What made it the replica's own. */
    identity: identityReport.optional(),
    phases: z.array(phase),
});
export type DatabaseReport = z.infer<typeof databaseReport>;

/** Rows of all of a database's tables. */
export function rowsIn(tables: DatabaseReport["tables"]): number {
    return Object.values(tables).reduce((sum, { rows }) => sum + rows, 0);
}

/** What a refresh of the media leaves behind; also the marker that makes a generation complete. */
export const mediaReport = z.strictObject({
    generation: generationIdText,
    /** When production's side had published what was copied, as its store's manifest has it; absent if it does not tell. */
    published: z.iso.datetime().optional(),
    files: z.number(),
    bytes: z.number(),
    /** Files that were unchanged since the former generation and are shared with it. */
    linked: z.number(),
    /** Files that share their blocks with the former generation's, or with production's. */
    cloned: z.number(),
    /** Files of the former generation that production no longer has; absent if there is none, or nobody knows its files. */
    deletions: z.number().optional(),
    /** Files that production removed while they were being copied. */
    vanished: z.number(),
    /** Whose the files are. */
    owners: z.string(),
    /** Whether they are production's: only an agent that may give files away can then remove them. */
    ownersKept: z.literal(true).optional(),
    /** What was compared. */
    proof: z.array(z.string()),
    /** What could not be. */
    unknown: z.array(z.string()),
    phases: z.array(phase),
});
export type MediaReport = z.infer<typeof mediaReport>;

/** How the rows of a copy of the database and the files of a copy of the media belong together. */
export const references = z.strictObject({
    /** Files that rows name, each counted once. */
    named: z.number(),
    /** Those of them that are not there, and the first few. */
    missing: z.number(),
    examples: z.array(z.string()),
    /** Files that no row names. */
    orphans: z.number(),
});
export type References = z.infer<typeof references>;
