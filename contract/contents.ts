/** What the newest backups hold table by table, beside the catalogue: for a preview, which cannot mount the store. */
import * as z from "zod";
import { dumpedDatabase } from "./manifest";

const count = z.number().int().min(0);

/** One database of the newest backup of a subject. */
export const contentsEntry = z.strictObject({
    stamp: z.string(),
    /** As in the catalogue: the database, or a whole server. */
    subject: z.string(),
    database: z.string(),
    ...dumpedDatabase.pick({ bytes: true, extensions: true, migrations: true, tables: true }).shape,
    /** The smallest tables together, where there was no room for each; absent if all are there. */
    rest: z.strictObject({ tables: count, rows: count, bytes: count }).optional(),
});
export type ContentsEntry = z.infer<typeof contentsEntry>;

/** Key of the catalogue's ConfigMap under which they stand, one JSON object a line. */
export const contentsFile = "contents.jsonl";
