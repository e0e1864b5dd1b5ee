/** What makes a copy of production's data the replica's own: addresses, credentials, sequences, and rows that it keeps. */
import * as z from "zod";
import { rewriteRule } from "./rewrite";

/** A value that a column is set to: its text, nothing, or a file that holds it. */
const setValue = z.union([z.string(), z.null(), z.strictObject({ file: z.string() })]);
export type SetValue = z.infer<typeof setValue>;

/** Columns that all rows of a table are given, or those that SQL names. */
const setRows = z.strictObject({
    table: z.string(),
    columns: z.record(z.string(), setValue),
    where: z.string().optional(),
});
export type SetRows = z.infer<typeof setRows>;

/** Rows of a table that are taken over from the copy in use, each in the place of the row with the same key. */
const preserved = z.strictObject({ table: z.string(), key: z.array(z.string()).min(1) });
export type Preserved = z.infer<typeof preserved>;

/** What is done to one database. Tables are named with their schema, unless that is `public`. */
const databaseIdentity = z.strictObject({
    /** Tables, and columns as `table.column`, in which addresses are rewritten: `all` of them, but for the excepted ones. */
    columns: z.union([z.literal("all"), z.array(z.string())]),
    except: z.array(z.string()),
    /** What every sequence is raised to, or each of some; none if left out. */
    floor: z.union([z.number(), z.record(z.string(), z.number())]).optional(),
    /** Tables without rows. */
    empty: z.array(z.string()),
    set: z.array(setRows),
    preserve: z.array(preserved),
});
export type DatabaseIdentity = z.infer<typeof databaseIdentity>;

/** What the agent has to know of it. */
export const identityPlan = z.strictObject({
    rewrite: z.array(rewriteRule),
    /** By live name, every database of the replica. */
    databases: z.record(z.string(), databaseIdentity),
});
export type IdentityPlan = z.infer<typeof identityPlan>;

/** Rows by column, as `schema.table.column`: in which something was rewritten, or would be. */
export const rewrittenRows = z.record(z.string(), z.number());
export type RewrittenRows = z.infer<typeof rewrittenRows>;

/** What was done to a database. */
export const identityReport = z.strictObject({
    rewritten: rewrittenRows,
    emptied: z.array(z.string()),
    /** In the order of the stack file. */
    set: z.array(z.strictObject({ table: z.string(), rows: z.number() })),
    /** Sequences that were raised, and those that end before they would be high enough. */
    raised: z.number(),
    tooShort: z.array(z.string()),
    /** Rows taken over from the copy in use, by table; why there are none, where there could be none. */
    preserved: z.record(z.string(), z.union([z.number(), z.string()])),
    seconds: z.number(),
});
export type IdentityReport = z.infer<typeof identityReport>;

/** What a count of the copy in use tells: by database. */
export const rewritesFound = z.record(z.string(), rewrittenRows);
export type RewritesFound = z.infer<typeof rewritesFound>;
