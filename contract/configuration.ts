/** What crosses to the agent about configuration files: which it writes between stop and start, and what must not be left. */
import * as z from "zod";

/** A file that is written on a host. */
export const configurationFile = z.strictObject({
    path: z.string(),
    /** File of the run with its text. */
    textFile: z.string(),
    /** User and group by their numbers; the agent's if left out. */
    owner: z.number().int().min(0).optional(),
    group: z.number().int().min(0).optional(),
    mode: z.number().int(),
    /** Whether it stands in a copy, which nobody may be using yet: what is new there may stay. */
    inCopy: z.boolean(),
});
export type ConfigurationFile = z.infer<typeof configurationFile>;

/** What the agent has to know to write a host's files. */
export const configurationPlan = z.strictObject({
    files: z.array(configurationFile).min(1),
    /** File in which stands what to put back, as long as that may be necessary. */
    journal: z.string(),
    /** File of the run with the texts that may be in none of them, as a list in JSON. */
    forbiddenFile: z.string(),
});
export type ConfigurationPlan = z.infer<typeof configurationPlan>;

/** What the agent has to know to look through folders. */
export const scanPlan = z.strictObject({
    folders: z.array(z.string()).min(1),
    /** Files that are written anew. */
    except: z.array(z.string()),
    forbiddenFile: z.string(),
});
export type ScanPlan = z.infer<typeof scanPlan>;
