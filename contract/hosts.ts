/** What crosses to the agent on a host: a header on its standard input, and what may follow it. */
import * as z from "zod";
import { dumpKind, planSchema, type ReplicaDatabase } from "../contract";
import { mysqlPlanSchema, mysqlServer } from "./mysql";

/**
 * The first line that an agent on a host reads. Its standard input stays open as long as somebody waits for it: when it
 * ends, so does the run.
 */
export const header = z.strictObject({
    /** A plan, of the kind that the command wants. */
    plan: z.unknown(),
    /** Texts by the names of the files that the plan calls them; they are there as long as the run is. */
    secrets: z.record(z.string().regex(/^[\w.-]+(\/[\w.-]+)*$/), z.string()),
});
export type Header = z.infer<typeof header>;

/** The agent's commands for replicas on hosts alone. All but `upload-dumps` run there. */
export const hostCommands = [
    "send-backup",
    "receive-database",
    "upload-dumps",
    "serve-media",
    "hold-services",
    "start-services",
    "send-copy",
    "write-files",
    "scan-folders",
    "wipe",
] as const;
export type HostCommand = (typeof hostCommands)[number];

/** What both engines' source sides are told. */
const source = {
    /** Names in production. */
    databases: z.array(z.string()).min(1),
    /** `now`, `latest`, or a stamp. */
    backup: z.string(),
    /** Oldest backup that is still accepted, in seconds. */
    maximumAge: z.number().positive(),
    /**
     * A command in the place of the engine's own: it is given the databases' names and prints a line with the path of the
     * file that it has made for each, in that order.
     */
    command: z.string().optional(),
    /** Where dumps are that somebody else makes: a path with `{database}`, and `{stamp}` or not. */
    files: z.string().optional(),
    /** Whether the source is a replica itself, which may stand on the target's own server. */
    replica: z.boolean(),
};

/** Where a backup of a PostgreSQL source comes from: a dump that is made for it, or one that is there. */
const postgresSource = z.strictObject({
    engine: z.literal("postgres"),
    ...source,
    dump: dumpKind,
    server: z.strictObject({
        host: z.string(),
        port: z.number().int(),
        user: z.string(),
        /** File with that user's password; the server asks for none if left out. */
        passwordFile: z.string().optional(),
    }),
    /** Tables whose rows are left out, as patterns of pg_dump. */
    excludeTableData: z.array(z.string()),
});
export type PostgresSource = z.infer<typeof postgresSource>;

/** The same of MySQL or MariaDB. */
const mysqlSource = z.strictObject({ engine: z.literal("mysql"), ...source, server: mysqlServer });
export type MysqlSource = z.infer<typeof mysqlSource>;

export const sourcePlan = z.discriminatedUnion("engine", [postgresSource, mysqlSource]);
export type SourcePlan = z.infer<typeof sourcePlan>;

/** What a service is made to do, each a command of the shell. */
const commands = z.strictObject({
    /** Succeeds as long as anything of it runs. */
    running: z.string(),
    stop: z.string(),
    start: z.string(),
});

/** What uses the replica's database on a host. */
export const service = z.strictObject({
    /** What people call it. */
    name: z.string(),
    /** A unit of systemd. */
    unit: z.string().optional(),
    commands: commands.optional(),
});
export type ServicePlan = z.infer<typeof service>;

/** What the agent has to know to stop services and to start again those that ran. */
export const servicesPlan = z.strictObject({
    services: z.array(service),
    /** File in which the names of those that ran stand as long as they are stopped. */
    journal: z.string(),
    /** Seconds that each may take to be gone. */
    timeout: z.number().positive(),
});
export type ServicesPlan = z.infer<typeof servicesPlan>;

/** What an agent on a host tells whoever waits for it, besides what every agent tells. */
export const hostEvent = z.discriminatedUnion("event", [
    /** The generation is not there yet, or the places for uploads are fit: a backup may come. */
    z.strictObject({ event: z.literal("wanted") }),
    /** The services are stopped, and wait for the word to start. */
    z.strictObject({ event: z.literal("stopped"), services: z.array(z.string()) }),
    /** The configuration files are written, and wait for the word that they stay. */
    z.strictObject({ event: z.literal("written") }),
]);
export type HostEvent = z.infer<typeof hostEvent>;

/** What is said about a file before its bytes, after them, and when there are no more. */
export const word = z.discriminatedUnion("word", [
    z.strictObject({ word: z.literal("file"), name: z.string() }),
    z.strictObject({ word: z.literal("end"), bytes: z.number(), sha256: z.string() }),
    z.strictObject({
        word: z.literal("done"),
        /** Stamp under which the backups are kept. */
        stamp: z.string(),
        /**
         * What production's server calls itself, if it was asked: PostgreSQL's system identifier, MariaDB's `server_uid`,
         * MySQL's `server_uuid`.
         */
        identifier: z.string().optional(),
    }),
]);
export type Word = z.infer<typeof word>;

/** Names that databases have in production. */
export function namesInProduction(databases: readonly ReplicaDatabase[]): string[] {
    return databases.map(({ name, production }) => production?.name ?? name);
}

/** User, and password, of everything in a bundle for developers: it is for one machine, and secret to nobody. */
export const developer = "developer";

/** What the agent has to know to send the live copy. */
export const copySending = z.strictObject({
    plan: z.union([planSchema, mysqlPlanSchema]),
    /** Files that stay out, by the names of folders, `media` among them, as paths below these. */
    leaveOut: z.record(z.string(), z.array(z.string())),
});
export type CopySending = z.infer<typeof copySending>;

/** What a wipe of a host takes away. */
export const wipePlan = z.strictObject({
    plan: z.union([planSchema, mysqlPlanSchema]),
    /** Whether the databases go, and the copies of the media. */
    database: z.boolean(),
    media: z.boolean(),
});
export type WipePlan = z.infer<typeof wipePlan>;
