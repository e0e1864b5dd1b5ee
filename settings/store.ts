/** The part of a stack file that says where production keeps something. */
import { z } from "zod";
import { absolutePath } from "./values";

/** Where production's backups or files stand: an NFS export, or a folder of the node on a cluster for development. */
export const store = z
    .strictObject({
        nfs: z.strictObject({ server: z.string().min(1), path: absolutePath }).optional(),
        hostPath: absolutePath.optional(),
    })
    .refine((value) => (value.nfs === undefined) !== (value.hostPath === undefined), {
        error: "write either nfs: {server, path} or hostPath: <folder>",
    });
export type Store = z.infer<typeof store>;
