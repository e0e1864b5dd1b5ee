/** The part of a stack file that says who is told of what happens to a replica. */
import { z } from "zod";
import { notices as events } from "../lifecycle/events";
import { objectName, secretText } from "./values";

/** Where to, and of what; {@link noticesContradictions} says what is missing. */
export const told = z.strictObject({
    /** Web hook that is told, over https. Chats often have their password in it, so that it may be encrypted and is never printed. */
    url: secretText(
        /^https:\/\/[^\s/@]+(\/\S*)?$/,
        "write an address such as https://chat.example.org/hook",
    ).optional(),
    /** What it is told of. */
    on: z
        .array(z.enum(events))
        .min(1)
        .default([...events]),
});

export const notices = told.extend({
    /** Secret in the namespace whose key `token` is sent along as a bearer's. */
    secret: objectName.optional(),
});
export type NoticesSettings = z.infer<typeof notices>;

/** What it says that cannot be meant. */
export function noticesContradictions(notices: NoticesSettings | undefined): string[] {
    return notices !== undefined && notices.url === undefined
        ? ["notices has no web hook that could be told: write notices.url, or leave it out"]
        : [];
}
