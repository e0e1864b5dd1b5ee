/** The part of a stack file that has the replica's passwords made anew. */
import { z } from "zod";

export const credentials = z.strictObject({
    /** Any text; another one gives every database role of the replica another password. */
    rotate: z.string().min(1).optional(),
});
export type CredentialsSettings = z.infer<typeof credentials>;
