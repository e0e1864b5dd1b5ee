/** The part of a stack file that says who may look at a replica's objects, and who may change them. */
import { z } from "zod";

/** Groups that stand for everybody, or for all pods of a cluster. */
const everybody = /^group:system:(authenticated|unauthenticated|serviceaccounts)$/;

/** Somebody as a cluster knows them: `user:anna`, `group:testers` or `serviceaccount:<namespace>/<name>`. */
const subject = z
    .string()
    .regex(
        /^(user:\S+|group:\S+|serviceaccount:[a-z0-9-]+\/[a-z0-9.-]+)$/,
        "write user:<name>, group:<name> or serviceaccount:<namespace>/<name>",
    )
    .refine((text) => !everybody.test(text), "write the group that is meant: that one is everybody");

export const access = z.strictObject({
    /** Who gets the cluster's role `view` in the namespace: objects and logs, no Secrets. */
    view: z.array(subject).default([]),
    /** Who gets its role `edit`: Secrets, and so the data, as well. */
    edit: z.array(subject).default([]),
});
export type AccessSettings = z.infer<typeof access>;
