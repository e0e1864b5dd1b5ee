import * as z from "zod";
import type { Plan } from "../contract";
import type { CaughtMail } from "../contract/mail";

/** A list of messages as Mailpit gives it, the newest first. */
const list = z.object({ total: z.number(), messages: z.array(z.object({ Created: z.string() })) });

/**
 * Asks the mail sink what it has caught.
 *
 * @returns undefined if the replica has none that keeps anything
 * @throws {Error} a sentence when it does not answer
 */
export async function caughtBySink({ mail }: Pick<Plan, "mail">): Promise<CaughtMail | undefined> {
    const sink = mail?.sink;
    if (sink === undefined) {
        return undefined;
    }
    try {
        const response = await fetch(`${sink}/api/v1/messages?limit=1`, { signal: AbortSignal.timeout(10_000) });
        const { total, messages } = list.parse(await response.json());
        const [last] = messages;
        return { messages: total, last: last === undefined ? null : new Date(last.Created).toISOString() };
    } catch {
        throw new Error(`The mail sink at ${sink} does not tell what it has caught: look at the Deployment mail.`);
    }
}
