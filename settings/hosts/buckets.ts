/** The part of a stack file on hosts that says which buckets are copied beside the database, and where its dumps go. */
import { z } from "zod";
import { buckets as all } from "../buckets";

export const buckets = all.extend({
    /** Any text; another one means: copy again. */
    refresh: z.string().default("1"),
    /** The program rclone, on the machine that runs Pulumi. */
    rclone: z.string().min(1).default("rclone"),
});
export type HostBuckets = z.infer<typeof buckets>;
