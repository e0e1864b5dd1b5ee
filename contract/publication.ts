/** What crosses from the Pulumi program to the agent on production's side. */
import * as z from "zod";
import { dumpKind } from "../contract";
import { tiers } from "./manifest";

/** Version of the plan's shape; an agent refuses a plan of another version. */
export const publicationVersion = 1;

/**
 * The agent's commands on production's side, each a CronJob: one makes backups, another brings the media to their store,
 * and one each reads all of that again.
 */
export const publisherCommands = ["publish", "verify-store", "publish-media", "verify-media"] as const;
export type PublisherCommand = (typeof publisherCommands)[number];

/** Kinds of workload whose image tag can be production's. */
export const workloadKind = z.enum(["Deployment", "StatefulSet"]);

/** A workload of production, and its container that runs the application: the first if left out. */
const workload = z.strictObject({ kind: workloadKind, name: z.string(), container: z.string().optional() });
export type Workload = z.infer<typeof workload>;

/** A remote that rclone copies to; its credentials are in the environment. */
const remote = z.strictObject({ rclone: z.string(), remote: z.string() });

/** Production's media, and the store that replicas read. Which is read and which is written is not for anybody to say. */
const mediaPublication = z.strictObject({
    /** Root of production's files. */
    source: z.string(),
    /** Root of their store. */
    store: z.string(),
    /** Group that owns the store's files. */
    group: z.number().int().positive(),
    /** Globs of what is left out, matched with paths below the source's root. */
    exclude: z.array(z.string()),
    /** Whether symbolic links may lead out of the tree. They are never followed. */
    links: z.enum(["refuse", "keep"]),
    /** Fewer files than this in the source means that it is not really there. */
    minimumFiles: z.number().int().min(1),
    /** Path below the source's root without which it is not really there. */
    sentinel: z.string().optional(),
    /** Percent of the store's files that the source may lack. */
    maximumDeletions: z.number().min(0).max(100),
    /** A remote that gets a folder for each day of the week. Nowhere if left out. */
    offsite: remote.optional(),
});
export type MediaPublication = z.infer<typeof mediaPublication>;

/** The publisher's plan, in full. It holds no secret, only the file that one is mounted at. */
export const publicationSchema = z.strictObject({
    version: z.literal(publicationVersion),
    /** What production's server is; `mysql` is MariaDB as well. */
    engine: z.enum(["postgres", "mysql"]),
    server: z.strictObject({
        host: z.string(),
        port: z.number().int(),
        /** Role that can read everything that is dumped. */
        user: z.string(),
        /** File with its password, nothing else in it. */
        passwordFile: z.string(),
    }),
    dump: dumpKind,
    /** What is dumped under one stamp; empty for a whole server, which is dumped as it is. */
    databases: z.array(z.string()),
    /** A whole server's is always plain, and so is one of MySQL. */
    format: z.enum(["plain", "directory"]),
    /** Connections of a dump in directory format. */
    jobs: z.number().int().min(1),
    /** Tables whose rows are left out, as patterns of pg_dump; none of MySQL. */
    excludeTableData: z.array(z.string()),
    /** By database: a query whose only value is the newest migration of its application; none of MySQL. */
    migrations: z.record(z.string(), z.string()),
    /** Root of the store. */
    store: z.string(),
    /** How many runs each tier keeps; none where it is not used. */
    keep: z.record(z.enum(tiers), z.number().int().min(0)),
    /** A remote that rclone copies the store to; its credentials are in the environment. Nowhere if left out. */
    offsite: remote.optional(),
    /** Nobody publishes the media if left out. */
    media: mediaPublication.optional(),
    cluster: z.strictObject({
        /** Folder with the token of the pod's service account and the authority of the cluster's certificate. */
        account: z.string(),
        /** Production's namespace. */
        namespace: z.string(),
        /** What runs production's tag; manifests tell none if left out. */
        workload: workload.optional(),
    }),
});
export type Publication = z.infer<typeof publicationSchema>;
