/**
 * Everything that crosses from the Pulumi program to the agent, and from one of the agent's runs to the next.
 * The program writes a {@link Plan}; the agent reads it, records a {@link DatabaseReport} or {@link MediaReport}, and ends
 * with one sentence in the container's termination message.
 */
import { createHash } from "node:crypto";
import * as z from "zod";

/** Version of the plan's shape; an agent refuses a plan of another version. */
export const planVersion = 1;

/** A generation's id: ten hexadecimal characters, see {@link generationId}. */
const id = z.string().regex(/^[0-9a-f]{10}$/);

/** A PostgreSQL name that still fits 63 bytes when `__<generation>` is appended. */
const databaseName = z.string().regex(/^[a-z_][a-z0-9_]{0,50}$/);

/** Databases that every server has before anybody makes one. */
export const serversOwn = ["postgres", "template0", "template1"];

/** What production dumps: the one database, or its whole server with everything on it. */
export const dumpKind = z.enum(["database", "server"]);

/** One of the databases that a replica holds. */
const replicaDatabase = z.strictObject({
    /** Live name on the target server; also its name in production. */
    name: databaseName,
    /** Role that owns the restored database. It cannot log in; in this database each generation's login role acts as it. */
    owner: databaseName,
});
export type ReplicaDatabase = z.infer<typeof replicaDatabase>;

/** Where production keeps something: a folder that is mounted read-only, or a remote that rclone reads. */
const origin = z.union([
    z.string(),
    z.strictObject({
        /** The program. Its remote is configured in its environment, credentials and all. */
        rclone: z.string(),
        /** What is to be read, as rclone writes it: `source:bucket/prefix`. */
        remote: z.string(),
    }),
]);
export type Origin = z.infer<typeof origin>;

/** What the agent has to know to make the database's generation. */
const databasePlan = z.strictObject({
    generation: id,
    /** What a generation is made of, the application's database first: proven, switched and retired together. */
    databases: z.tuple([replicaDatabase], replicaDatabase),
    /** Whether a backup holds one database alone, or is a whole server's, out of which the databases are taken. */
    dump: dumpKind,
    /** How many databases a whole server's dump has to hold, its own ({@link serversOwn}) not counted; any number if left out. */
    expectedCount: z.number().int().positive().optional(),
    /** `latest`, or the exact stamp in a backup's file name, for example `2026-11-20T02:04:01Z`. */
    backup: z.string(),
    /** Oldest backup that is still accepted, in seconds since its stamp. */
    maximumAge: z.number().positive(),
    /** Former generations that `retire` leaves in place. */
    keepGenerations: z.number().int().min(0),
    /** Size of the volume under the server, in bytes: what a second copy has to fit into. Nobody knows it if left out. */
    capacity: z.number().positive().optional(),
    server: z.strictObject({
        host: z.string(),
        port: z.number().int(),
        /** Superuser of that server. */
        user: z.string(),
        /** File with that user's password, nothing else in it. */
        passwordFile: z.string(),
    }),
    /** File with the password of this generation's login role, whose name is {@link loginRole}. */
    loginPasswordFile: z.string(),
    /** What holds `hourly/backup-<stamp>-<name>.sql.gz`, or `…-dumpall.sql.gz`. */
    backups: origin,
});
export type DatabasePlan = z.infer<typeof databasePlan>;

/** Name of the login role of a generation of these databases. */
export function loginRole([application]: readonly [{ name: string }, ...unknown[]], generation: string): string {
    return generationName(application.name, generation);
}

/** What the agent has to know to make the media's generation. */
const mediaPlan = z.strictObject({
    generation: id,
    /** Root of production's files. */
    source: origin,
    /** Root of the replica's volume; generations stand in `generations/<id>` below it. */
    volume: z.string(),
    /** Fewer files than this in the source means that it is not really there. */
    minimumFiles: z.number().int().min(1),
    /** Former generations that `retire` leaves in place. */
    keepGenerations: z.number().int().min(0),
    /** Group that owns the copies, so that the application may read them and add to them. */
    group: z.number().int().positive(),
});
export type MediaPlan = z.infer<typeof mediaPlan>;

/** The plan: what the agent is told, in full. It holds no secret, only the files that secrets are mounted at. */
export const planSchema = z.strictObject({
    version: z.literal(planVersion),
    /** `<project>/<stack>`: the marker that this stack's server and volume carry. */
    stack: z.string().min(1),
    /** Production's identity as far as it is known; what is absent is reported as unknown. */
    source: z.strictObject({
        /** `system_identifier` of production's server (`select system_identifier from pg_control_system()`). */
        systemIdentifier: z.string().optional(),
    }),
    database: databasePlan,
    media: mediaPlan,
    /** Whether a run that fails leaves the generation that it was making until the next one. */
    keepFailed: z.boolean(),
    /** Page that must answer before a former generation is removed; there is none without an application. */
    smoke: z.strictObject({ url: z.url() }).optional(),
});
export type Plan = z.infer<typeof planSchema>;

/** One phase of a run, in the order in which they ran. */
const phase = z.strictObject({ name: z.string(), seconds: z.number() });

/** What a refresh leaves behind of each database. */
export const databaseReport = z.strictObject({
    dump: dumpKind,
    /** File name of the backup, and its stamp. */
    backup: z.string(),
    stamp: z.string(),
    /** Bytes of the backup's file and of the restored database. */
    backupBytes: z.number(),
    databaseBytes: z.number(),
    /** SHA-256 of the backup's file as it was read. */
    sha256: z.string(),
    /** Rows that the dump held, equal to the rows counted on the server afterwards. */
    tables: z.record(z.string(), z.number()),
    largeObjects: z.number(),
    sequences: z.number(),
    /** What proves that the backup was whole. */
    proof: z.array(z.string()),
    /** What could not be checked because the source does not tell. */
    unknown: z.array(z.string()),
    /** Statements of the database that were left out, each with its reason. */
    skipped: z.array(z.string()),
    /** What the backup held besides the database: other databases by name, and how many roles and passwords. */
    leftOut: z.array(z.string()),
    phases: z.array(phase),
});
export type DatabaseReport = z.infer<typeof databaseReport>;

/** What a refresh of the media leaves behind; also the marker that makes a generation complete. */
export const mediaReport = z.strictObject({
    generation: id,
    files: z.number(),
    bytes: z.number(),
    /** Files that were unchanged since the former generation and are shared with it. */
    linked: z.number(),
    /** Files that production removed while they were being copied. */
    vanished: z.number(),
    phases: z.array(phase),
});
export type MediaReport = z.infer<typeof mediaReport>;

/** A generation of the database, as the server's own table has it. */
const databaseFound = z.strictObject({
    id,
    state: z.enum(["preparing", "proven", "live", "former"]),
    /** When it last became the live one, as ISO time; null if it never was. */
    switched: z.string().nullable(),
    /** Milliseconds that nobody could connect when it last became the live one; null if that is not known. */
    awayMs: z.number().nullable(),
    /** Of the application's database. */
    report: databaseReport.nullable(),
    /** Of the databases beside it. */
    others: z.array(z.strictObject({ name: z.string(), report: databaseReport.nullable() })),
});

/** A generation of the media: `completed` is an ISO time; both are null for what an interrupted copy has left. */
const mediaFound = z.strictObject({ id, completed: z.string().nullable(), report: mediaReport.nullable() });

/** What the agent finds when it looks around and changes nothing; the newest first everywhere. */
export const surveySchema = z.strictObject({
    /** Backups that hold all of the plan's databases. `bytes` as stored, `age` in seconds since the stamp. */
    backups: z.array(z.strictObject({ stamp: z.string(), bytes: z.number(), age: z.number() })),
    databases: z.array(databaseFound),
    media: z.array(mediaFound),
    /** Sentences about what could not be looked at. */
    problems: z.array(z.string()),
});
export type Survey = z.infer<typeof surveySchema>;

/** How far a phase is. */
const progress = z.strictObject({
    event: z.literal("progress"),
    phase: z.string(),
    /** Whole percent; absent while nobody knows how much there is. */
    percent: z.number().optional(),
    /** What was done so far, and in a second on average. */
    done: z.number(),
    rate: z.number(),
    unit: z.enum(["row", "file", "byte"]),
    /** Seconds that the rest will take if it goes on like this. */
    left: z.number().optional(),
});
export type Progress = z.infer<typeof progress>;

/** What a switch leaves on its log: what is live from now on. */
const live = z.strictObject({ event: z.literal("live"), database: databaseFound, media: mediaFound });
export type Live = z.infer<typeof live>;

/** A line of a Job's log that is for programs, as JSON. Every other line is a sentence for people. */
export const agentEvent = z.discriminatedUnion("event", [
    z.strictObject({ event: z.literal("begun"), phase: z.string() }),
    z.strictObject({ event: z.literal("ended"), phase: z.string(), seconds: z.number() }),
    progress,
    live,
]);
export type AgentEvent = z.infer<typeof agentEvent>;

/** Where a generation stands: being made, proven, in use, or kept from before. */
export type GenerationState = "preparing" | "proven" | "live" | "former";

/**
 * Name of a generation's database while it is not live.
 *
 * @example generationName("shop", "0a1b2c3d4e") // "shop__0a1b2c3d4e"
 */
export function generationName(name: string, generation: string): string {
    return `${name}__${generation}`;
}

/** Folder of a media generation below the volume's root. The application mounts exactly this as a `subPath`. */
export function generationFolder(generation: string): string {
    return `generations/${generation}`;
}

/** Marker of a complete media generation below the volume's root: a {@link MediaReport} as JSON, written last. */
export function generationMarker(generation: string): string {
    return `generations/${generation}.json`;
}

/** File at the root of a media volume that says whose it is: `{"stack": "<project>/<stack>"}`. */
export const volumeMarker = ".understudy.json";

/**
 * SQL that marks a server as the replica of a stack, run in database `postgres`: when the replica's own server is first
 * made, or by whoever brings one. The agent refuses every server without it. Nobody but a superuser gets into the
 * server's own databases afterwards.
 *
 * @param stack `<project>/<stack>`
 */
export function markerSql(stack: string): string {
    const states: GenerationState[] = ["preparing", "proven", "live", "former"];
    const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
    return `-- Marks this server as a replica, whose databases come and go. Never run it on production's server.
begin;
revoke connect on database postgres, template1 from public;
create schema understudy;
create table understudy.replica (stack text primary key, created timestamptz not null default now());
insert into understudy.replica (stack) values (${text(stack)});
create table understudy.generation (
    id text not null,
    name text not null,
    state text not null check (state in (${states.map(text).join(", ")})),
    report jsonb,
    created timestamptz not null default now(),
    switched timestamptz,
    away_ms integer,
    position integer not null default 0,
    primary key (id, name)
);
create unique index one_live_generation on understudy.generation (name) where state = 'live';
commit;
`;
}

/** Port, user and version that are PostgreSQL's own defaults in the official image. */
export const postgres = { port: 5432, user: "postgres" } as const;

/**
 * Exit status of the agent. A refusal has changed nothing; a failure may have left something unfinished that is not
 * in use, which the next run removes.
 */
export const exitStatus = { done: 0, failed: 1, refused: 3 } as const;

/** The agent's commands, each one Job. `survey` only looks, and is run by the command line, not by an update. */
export const commands = ["prepare-database", "prepare-media", "switch", "smoke", "retire", "survey"] as const;
export type Command = (typeof commands)[number];

/**
 * A generation's id: a hash of whatever shapes its data, so that equal inputs name the same copy and a reverted
 * setting names the former one again. Keys are sorted first; their order does not matter.
 */
export function generationId(parts: Record<string, string | number | undefined>): string {
    const entries = Object.entries(parts).filter(([, value]) => value !== undefined);
    const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return createHash("sha256").update(JSON.stringify(sorted)).digest("hex").slice(0, 10);
}
