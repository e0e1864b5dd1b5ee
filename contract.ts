/**
 * What crosses from the Pulumi program to the agent: the program writes a {@link Plan}, and the agent ends with one
 * sentence in the container's termination message. What goes the other way, and from one run to the next, is in the
 * folder of the same name.
 */
import { createHash } from "node:crypto";
import * as z from "zod";
import { hooksPlan } from "./contract/hooks";
import { identityPlan } from "./contract/identity";
import { mailPlan } from "./contract/mail";
import { maskingPlan } from "./contract/masking";

/** Version of the plan's shape; an agent refuses a plan of another version. */
export const planVersion = 1;

/** A generation's id: ten hexadecimal characters, see {@link generationId}. */
export const generationIdText = z.string().regex(/^[0-9a-f]{10}$/);

/** A PostgreSQL name that still fits 63 bytes when `__<generation>_base` is appended. */
const databaseName = z.string().regex(/^[a-z_][a-z0-9_]{0,45}$/);

/** Databases that every server has before anybody makes one. */
export const serversOwn = ["postgres", "template0", "template1"];

/** What production dumps: the one database, or its whole server with everything on it. */
export const dumpKind = z.enum(["database", "server"]);

/** Who sorts text and knows its letters, as `CREATE DATABASE` calls them. */
export const localeProvider = z.enum(["libc", "icu", "builtin"]);

/** One of the databases that a replica holds. */
const replicaDatabase = z.strictObject({
    /** Live name on the target server. */
    name: databaseName,
    /** Role that owns the restored database. It cannot log in; in this database each generation's login role acts as it. */
    owner: databaseName,
    /** What it is called in production, and whose it is there, where that is not the same. */
    production: z.strictObject({ name: z.string(), owner: z.string() }).optional(),
});
export type ReplicaDatabase = z.infer<typeof replicaDatabase>;

/** Name and owner that a database has in production. */
export function inProduction({ name, owner, production }: ReplicaDatabase): { name: string; owner: string } {
    return production ?? { name, owner };
}

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
    generation: generationIdText,
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
    /**
     * Hash of what shapes a copy besides its backup, and besides the names that it has here: equal ones make the same copy
     * of the same backup.
     */
    rules: generationIdText,
    /** Whether an untouched copy of what is restored stays, for the next generation of the same backup. */
    keepBase: z.boolean(),
    /** Whether amcheck looks through every B-tree index of a copy before it counts as proven. */
    amcheck: z.boolean(),
    /** Untrusted extensions that the superuser makes where a dump has them. */
    extensions: z.array(z.string()),
    /** Character set of the copies, as PostgreSQL calls it. */
    encoding: z.string(),
    /** How they sort text, and who does: the C library, ICU, or PostgreSQL itself. The server's own way if left out. */
    locale: z.strictObject({ name: z.string(), provider: localeProvider }).optional(),
    /** Size of the volume under the server, in bytes: what a second copy has to fit into. Nobody knows it if left out. */
    capacity: z.number().positive().optional(),
    server: z.strictObject({
        host: z.string(),
        port: z.number().int(),
        /** Superuser of that server. */
        user: z.string(),
        /** File with that user's password, nothing else in it; a server that asks for none has none. */
        passwordFile: z.string().optional(),
        /** File with passwords that the server may still expect of that user in its place, one a line; nobody knows one if left out. */
        formerPasswordsFile: z.string().optional(),
    }),
    /** File with the password of the login role, {@link DatabasePlan.login} or {@link loginRole}. */
    loginPasswordFile: z.string(),
    /** Role that the application logs in as, whichever generation is live. Each has one of its own if left out. */
    login: databaseName.optional(),
    /** What holds `hourly/backup-<stamp>-<name>`, or `…-dumpall`, with the ending of the format. */
    backups: origin,
    /** Connections that load at once. Default: as many as the agent has processors, at least 2 and at most 8. */
    jobs: z.number().int().min(1).max(64).optional(),
});
export type DatabasePlan = z.infer<typeof databasePlan>;

/** Name of the login role that a generation of these databases has of its own. */
export function loginRole([application]: readonly [{ name: string }, ...unknown[]], generation: string): string {
    return generationName(application.name, generation);
}

/** How the rows of the database's copy and the files of the media's are compared. */
const mediaReferences = z.strictObject({
    /** Live name of the database that is asked. */
    database: z.string(),
    /** A SELECT of one column with paths below the root of production's files; null and empty ones do not count. */
    query: z.string(),
    /** Percent of these files that may be missing. */
    maximumMissing: z.number().min(0).max(100),
});
export type MediaReferences = z.infer<typeof mediaReferences>;

/** A folder on another host, whose agent serves it through whoever waits for both. */
const servedFolder = z.strictObject({ host: z.string(), folder: z.string() });

/** What the agent has to know to make the media's generation. */
const mediaPlan = z.strictObject({
    generation: generationIdText,
    /** Root of production's files. */
    source: z.union([origin, servedFolder]),
    /** Root of the replica's volume; generations stand in `generations/<id>` below it. */
    volume: z.string(),
    /** Whether a symbolic link, see {@link mediaLink}, leads to the live one: for who cannot mount it. */
    linked: z.boolean().optional(),
    /** Fewer files than this in the source means that it is not really there. */
    minimumFiles: z.number().int().min(1),
    /** Path below the source's root without which it is not really there. */
    sentinel: z.string().optional(),
    /** Percent of the former generation's files that the source may lack. */
    maximumDeletions: z.number().min(0).max(100),
    /** How a generation comes to have what is unchanged: one file for both, shared blocks, or bytes of its own. */
    sharing: z.enum(["link", "clone", "copy"]),
    /** Whether symbolic links may lead out of the tree. They are never followed. */
    links: z.enum(["refuse", "keep"]),
    /** Globs of what is left out, matched with paths below the source's root. */
    exclude: z.array(z.string()),
    /** Percent of the files whose content is compared with what a file manifest knows. */
    verify: z.strictObject({ copied: z.number().min(0).max(100), linked: z.number().min(0).max(100) }),
    /** Nothing is compared if left out. */
    references: mediaReferences.optional(),
    /** Former generations that `retire` leaves in place. */
    keepGenerations: z.number().int().min(0),
    /** Whose the copies are: the agent's and its group's, or the same as in production, permissions as well. */
    owners: z.enum(["agent", "production"]),
    /** Group that owns the agent's copies, so that the application may read them and add to them. */
    group: z.number().int().positive(),
    /** User that they are given to; the agent's own if left out. */
    user: z.number().int().min(0).optional(),
    /** Permissions of files that are no programs, and of folders; the agent's choice if left out. */
    modes: z.strictObject({ files: z.number().int(), folders: z.number().int() }).optional(),
});
export type MediaPlan = z.infer<typeof mediaPlan>;

/** What the agent has to know of files that are not copied: the application reads production's own. */
const sharedMediaPlan = z.strictObject({
    generation: generationIdText,
    shared: z.literal(true),
    ...mediaPlan.pick({ minimumFiles: true, sentinel: true }).shape,
    /** Root of production's files. */
    source: z.string(),
});
export type SharedMediaPlan = z.infer<typeof sharedMediaPlan>;

/** A replica that is its database alone. */
const noMedia = z.strictObject({ generation: generationIdText, none: z.literal(true) });

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
    /** SQL of the stack's own, run at named points; there is none if left out. */
    hooks: hooksPlan.optional(),
    /** What becomes of people's data; all of it stays if left out. */
    masking: maskingPlan.optional(),
    /** What makes a copy the replica's own; it stays as production made it if left out. */
    identity: identityPlan.optional(),
    /** Where the replica's mail goes; nobody has to know if left out. */
    mail: mailPlan.optional(),
    media: z.union([mediaPlan, sharedMediaPlan, noMedia]),
    /** Further folders, each a volume of its own with copies like the media's, by what people call them. */
    folders: z.array(z.strictObject({ name: z.string(), media: mediaPlan })).optional(),
    /**
     * Tag under which the application runs on the data, empty on hosts, where other things tell its version; and whether the
     * data may have been written under another.
     */
    imageTag: z.string(),
    allowTagMismatch: z.boolean(),
    /** Whether a run that fails leaves the generation that it was making until the next one. */
    keepFailed: z.boolean(),
    /** Page that must answer before a former generation is removed; there is none without an application. */
    smoke: z.strictObject({ url: z.url() }).optional(),
});
export type Plan = z.infer<typeof planSchema>;

/** The plan of a replica that has copies of the media. */
export type CopyPlan = Plan & { media: MediaPlan };

/** The plan as one with copies of the media; undefined if the application reads production's own, or none. */
export function copyPlan<P extends Pick<Plan, "media">>(plan: P): (P & { media: MediaPlan }) | undefined {
    return isCopied(plan) ? plan : undefined;
}

function isCopied<P extends Pick<Plan, "media">>(plan: P): plan is P & { media: MediaPlan } {
    return "volume" in plan.media;
}

/** What of it the media are copied by. */
export type MediaCopy = Pick<CopyPlan, "stack" | "media" | "keepFailed">;

/** The plans of everything that is copied: the media first, then further folders. */
export function copyPlans<P extends Pick<Plan, "media" | "folders">>(plan: P): (P & { media: MediaPlan })[] {
    const media = copyPlan(plan);
    const folders = (plan.folders ?? []).map(({ media }) => ({ ...plan, media }));
    return [...(media === undefined ? [] : [media]), ...folders];
}

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

/** Symbolic link below the volume's root that leads to the live generation, where there is one. */
export const mediaLink = "current";

/** Marker of a complete media generation below the volume's root: a {@link MediaReport} as JSON, written last. */
export function generationMarker(generation: string): string {
    return `generations/${generation}.json`;
}

/** File manifest of a media generation below the volume's root; see `contract/files.ts`. */
export function generationFiles(generation: string): string {
    return `generations/${generation}.files.jsonl`;
}

/** File at the root of a media volume that says whose it is: `{"stack": "<project>/<stack>"}`. */
export const volumeMarker = ".understudy.json";

/**
 * SQL that marks a server as the replica of a stack, beside those of others that it may carry already. It is run in
 * database `postgres`: when the replica's own server is first made, or by whoever brings one. The agent refuses every
 * server without it. Nobody but a superuser gets into the server's own databases afterwards.
 *
 * @param stack `<project>/<stack>`
 */
export function markerSql(stack: string): string {
    const states: GenerationState[] = ["preparing", "proven", "live", "former"];
    const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
    return `-- Marks this server as a replica, whose databases come and go. Never run it on production's server.
begin;
set local client_min_messages = warning;
revoke connect on database postgres, template1 from public;
create schema if not exists understudy;
create table if not exists understudy.replica (
    stack text primary key,
    created timestamptz not null default now()
);
insert into understudy.replica (stack) values (${text(stack)}) on conflict do nothing;
create table if not exists understudy.generation (
    id text not null,
    name text not null,
    stack text not null references understudy.replica,
    owner text not null,
    state text not null check (state in (${states.map(text).join(", ")})),
    report jsonb,
    created timestamptz not null default now(),
    switched timestamptz,
    away_ms integer,
    hooks jsonb not null default '{}',
    position integer not null default 0,
    primary key (id, name)
);
create unique index if not exists one_live_generation on understudy.generation (name) where state = 'live';
create table if not exists understudy.base (
    id text not null,
    name text not null,
    owner text not null,
    rules text not null,
    report jsonb,
    created timestamptz not null default now(),
    position integer not null,
    primary key (id, name)
);
commit;
`;
}

/** Port, user and version that are PostgreSQL's own defaults in the official image. */
export const postgres = { port: 5432, user: "postgres" } as const;

/**
 * Settings of the replica's own server. Nobody follows it, so that rows which fill a new table go to the table alone, and
 * not through the write-ahead log as well: of a load of 1.5 GB it then holds 12 MB in place of 970.
 */
export const serverSettings = { wal_level: "minimal", max_wal_senders: "0" } as const;

/**
 * Exit status of the agent. A refusal has changed nothing; a failure may have left something unfinished that is not
 * in use, which the next run removes.
 */
export const exitStatus = { done: 0, failed: 1, refused: 3 } as const;

/** The agent's commands, each one Job. The last two only look, and are run by the command line, not by an update. */
export const commands = [
    "prepare-database",
    "prepare-media",
    "switch",
    "smoke",
    "retire",
    "survey",
    "mask-suggest",
    "count-rewrites",
] as const;
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
