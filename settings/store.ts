/** The part of a stack file that says where production keeps something. */
import { z } from "zod";
import { absolutePath, objectName } from "./values";

/** Claims that understudy makes itself in the target namespace: the replica's volumes, and those on other stores. */
const own = /^(database|media|source-(database|media)-[0-9a-f]{8})$/;

/** A prefix of a bucket that speaks S3, and the way to it. */
export const s3 = z.strictObject({
    bucket: z
        .string()
        .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "write a bucket's name: lower-case letters, digits, dashes, dots"),
    /** Folder in the bucket; the whole bucket if left out. */
    prefix: z
        .string()
        .regex(/^(?!.*\/\/)[^/\s](.*[^/\s])?$/, "write a folder of the bucket without a slash at either end")
        .optional(),
    /** Address of the server; Amazon's for the region if left out. */
    endpoint: z
        .string()
        .regex(/^https?:\/\/[^\s/@?#]+$/, "write an address such as https://s3.example.org")
        .refine((text) => URL.canParse(text), "write an address with a host and a port that there can be")
        .optional(),
    region: z.string().min(1).optional(),
    /** rclone's name for whose server it is; `AWS` without an endpoint, else `Other`, if left out. */
    provider: z.string().regex(/^\w+$/, "write one of rclone's names of S3 providers, such as Minio").optional(),
    /** Secret in the namespace with keys `access-key-id` and `secret-access-key`. */
    secret: objectName,
});
export type S3 = z.infer<typeof s3>;

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
        /** A prefix of a bucket that speaks S3. */
        s3: s3.optional(),
        /** A folder of the node, on a cluster for development. */
        hostPath: absolutePath.optional(),
    })
    .refine((value) => Object.values(value).filter((kind) => kind !== undefined).length === 1, {
        error: "write one of nfs: {server, path}, csi: {driver, volumeHandle}, claim: <name>, s3: {bucket, secret} or hostPath: <folder>",
    });
export type Store = z.infer<typeof store>;

/** Where a store is, for people. */
export function whereIs({ nfs, csi, claim, s3, hostPath }: Store): string {
    const places = [
        nfs && `${nfs.server}:${nfs.path}`,
        csi && `volume ${csi.volumeHandle} of ${csi.driver}`,
        claim && `claim ${claim}`,
        s3 && `bucket ${s3.bucket}${s3.prefix === undefined ? "" : `/${s3.prefix}`}`,
        hostPath && `${hostPath} of the node`,
    ];
    return places.find((place) => place !== undefined) ?? "";
}

/** A text that is equal for stores with the same data: through whose credentials it is read does not matter. */
export function identityOf({ s3, ...others }: Store): string {
    return JSON.stringify(s3 === undefined ? others : { s3: { ...s3, secret: undefined } });
}
