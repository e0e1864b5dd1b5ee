/** The part of a stack file that says how a refresh is announced to those who use the replica. */
import { z } from "zod";
import { duration, objectName } from "./values";

export const announce = z.strictObject({
    /** Seconds between the announcement of another copy and its refresh; nothing is refused if left out. */
    notice: duration.optional(),
    /** Who announces; whoever runs the command if left out. */
    owner: z.string().min(1).optional(),
    /** Web hook that is told, over https. Chats often have their password in it, so that it may be encrypted and is never printed. */
    url: z
        .string()
        .superRefine((text, context) => {
            if (!/^https:\/\/[^\s/@]+(\/\S*)?$/.test(text)) {
                context.addIssue({
                    code: "custom",
                    input: {},
                    message: "write an address such as https://chat.example.org/hook",
                });
            }
        })
        .optional(),
    /** Secret in the namespace whose key `token` is sent along as a bearer's. */
    secret: objectName.optional(),
});
export type AnnounceSettings = z.infer<typeof announce>;

/** What it says that cannot be meant. */
export function announceContradictions({ url, secret }: AnnounceSettings): string[] {
    return secret !== undefined && url === undefined
        ? ["announce.secret is for a web hook that is not written: write announce.url, or leave it out"]
        : [];
}
