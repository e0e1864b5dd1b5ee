/** Where a replica's mail goes, as far as the agent has to do with it. */
import * as z from "zod";
import { hooksPlan } from "./hooks";

/** What the agent has to know of mail. */
export const mailPlan = z.strictObject({
    /** Address of the sink that catches and keeps messages, without a slash at its end; there is none if left out. */
    sink: z.url().optional(),
    /** SQL that brings a copy's own settings of mail into line; there is none if left out. */
    sql: hooksPlan.optional(),
});
export type MailPlan = z.infer<typeof mailPlan>;

/** What a sink has caught. */
export const caughtMail = z.strictObject({
    /** Messages that it still has. */
    messages: z.number(),
    /** When it caught the last of them, as ISO time; null if there is none. */
    last: z.string().nullable(),
});
export type CaughtMail = z.infer<typeof caughtMail>;
