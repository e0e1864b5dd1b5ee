/** The part of a stack file that says where production keeps something. */
import { z } from "zod";
import { absolutePath, objectName } from "./values";

/** Claims that understudy makes itself in the target namespace: the replica's volumes, and those on other stores. */
const own = /^(database|media|source-(database|media)-[0-9a-f]{8})$/;

/** Where production's backups or files stand; one of these. Whatever it is, it is only read. */
export const store = z
    .strictObject({
        /** An NFS export. */
        nfs: z.strictObject({ server: z.string().min(1), path: absolutePath }).optional(),
        /** A volume of a CSI driver that is installed on the target's cluster. */
        csi: z
            .strictObject({
                driver: z.string().min(1),
                volumeHandle: z.string().min(1),
                /** What the driver wants to know besides; no secrets. */
                attributes: z.record(z.string(), z.string()).optional(),
            })
            .optional(),
        /** A claim that somebody has made in the target namespace, and that stays theirs. */
        claim: objectName
            .refine((name) => !own.test(name), { error: "write another claim: that one is the replica's own" })
            .optional(),
        /** A folder of the node, on a cluster for development. */
        hostPath: absolutePath.optional(),
    })
    .refine((value) => Object.values(value).filter((kind) => kind !== undefined).length === 1, {
        error: "write one of nfs: {server, path}, csi: {driver, volumeHandle}, claim: <name> or hostPath: <folder>",
    });
export type Store = z.infer<typeof store>;
