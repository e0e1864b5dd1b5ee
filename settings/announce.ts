/** The part of a stack file that says how a refresh is announced to those who use the replica. */
import { z } from "zod";
import { duration } from "./values";

export const announce = z.strictObject({
    /** Seconds between the announcement of another copy and its refresh; nothing is refused if left out. */
    notice: duration.optional(),
    /** Who announces; whoever runs the command if left out. */
    owner: z.string().min(1).optional(),
});
export type AnnounceSettings = z.infer<typeof announce>;
