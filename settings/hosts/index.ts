/** A stack file whose source and target are machines: which they are, what is brought from one to the other, and what is stopped for it. */
import { z } from "zod";
import { announce } from "../announce";
import { database as databaseSettings, owned } from "../database";
import { hooks } from "../hooks";
import { identity } from "../identity";
import { hostLifecycle } from "../lifecycle";
import { masking } from "../masking";
import { type SharedMedia, sharedMedia } from "../media";
import { describe, type Parsed } from "../problems";
import { absolutePath, duration, size } from "../values";
import { buckets } from "./buckets";
import { bundle, bundleContradictions } from "./bundle";
import { contradictions, placeContradictions } from "./contradictions";
import { file, filesContradictions, forbidden } from "./files";
import { copiedFiles, folder, origin } from "./folders";
import { isolation } from "./isolation";
import { notices } from "./notices";
import { parity } from "./parity";
import { hostName, hosts } from "./reach";
import { type EngineName, engineIn, engines, serverOf } from "./server";
import { service } from "./services";

const sourceDatabaseOf = (engine: EngineName) =>
    z.strictObject({
        /** Where production's database is dumped, or its dumps are. */
        host: hostName,
        server: serverOf(engine).prefault({}),
        /** A command in the place of the engine's own. */
        command: z.string().min(1).optional(),
        /** Where the dumps are that somebody else makes, such as `/backups/{database}-{stamp}.dump.xz`. */
        files: absolutePath
            .refine(
                (text) => text.slice(text.lastIndexOf("/")).includes("{database}"),
                "write {database} into the file's name",
            )
            .optional(),
        excludeTableData: z.array(z.string().min(1)).default([]),
    });

/** The database; where it is, `source` and `target` say. */
const database = z.strictObject({
    ...databaseSettings.omit({ volume: true, image: true, server: true, backup: true }).shape,
    engine: z.enum(engines).default("postgres"),
    /** Role that owns the database; MySQL and MariaDB have none. */
    owner: owned.owner.optional(),
    others: z.array(z.strictObject({ ...owned, owner: owned.owner.optional() })).default([]),
    /** A dump that is made for it, the newest that is there, or one by what its name calls its time. */
    backup: z
        .string()
        .regex(/^(now|latest|\d[\dTZ:_.+-]*)$/, "write now, latest, or the {stamp} in a dump's file name")
        .default("now"),
    /** Size of what the target's server keeps its data on; nobody compares it with what is needed if left out. */
    capacity: size.optional(),
});

/** The media as a stack file has them: what there is to be set depends on whether they are copied. */
function mediaFor(written: unknown) {
    const isShared = (written as { mode?: unknown } | undefined)?.mode === "share-read-only";
    return (isShared ? sharedMedia : copiedFiles) as z.ZodType<z.infer<typeof copiedFiles> | SharedMedia>;
}

/** A text that nobody else may read, by the names that hooks and identity call it. */
const secrets = z.record(z.string().regex(/^[\w-]+$/), z.record(z.string().regex(/^[\w.-]+$/), z.string()));

const schemaFor = (written: Record<string, unknown>, server = serverOf(engineIn(written))) =>
    z.strictObject({
        role: z.literal("replica").optional(),
        hosts,
        source: z.strictObject({
            database: sourceDatabaseOf(engineIn(written)).optional(),
            /** Another stack of this project on hosts, whose replica is the source. */
            stack: z.string().min(1).optional(),
            /** Password of that stack's server. If it is the target's as well, left out. */
            password: z.string().min(1).optional(),
            /** Folder of production's files. */
            media: origin.optional(),
            systemIdentifier: z
                .string()
                .regex(/^\d{15,20}$/, "write the number in quotes")
                .optional(),
            /** What a server of MySQL or MariaDB calls itself. */
            serverId: z.string().min(1).optional(),
        }),
        target: z.strictObject({
            /** Where the replica's database and media are, and the agent. */
            host: hostName,
            server: server.prefault({}),
            /** Role that the application logs in as, and its password. */
            login: z.strictObject({
                user: z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/, "write the name of a role in lower case"),
                password: z.string().min(8),
            }),
            /** Folder for the copies of the media; `current` in it leads to the live one. */
            media: absolutePath.optional(),
            /** Page of the application that has to answer afterwards. */
            page: z.url({ protocol: /^https?$/ }).optional(),
        }),
        database,
        /** The database alone if left out. */
        media: mediaFor(written.media).optional(),
        /** Further folders that are copied as the media are. */
        folders: z.array(folder).default([]),
        /** Configuration files that are written for the replica while its services are stopped. */
        files: z.array(file).default([]),
        /** What may be in none of them, and in none of some folders. */
        forbidden: forbidden.optional(),
        /** What developers start on machines of their own, besides the database. */
        bundle: bundle.optional(),
        services: z.array(service).default([]),
        /** How long a service may take to stop. */
        stopTimeout: duration.prefault("2m"),
        parity: parity.optional(),
        isolation: isolation.prefault({}),
        hooks: hooks.prefault({}),
        masking: masking.optional(),
        identity: identity.optional(),
        secrets: secrets.default({}),
        /** Buckets that are copied, and where dumps are uploaded; none if left out. */
        buckets: buckets.optional(),
        /** How a refresh is announced to those who use the replica; it is not if left out. */
        announce: announce.optional(),
        /** Who is told of what happens to the replica; nobody if left out. */
        notices: notices.optional(),
        /** How long a copy may be used, and what comes after. */
        lifecycle: hostLifecycle.prefault({}),
        /** Who holds this replica and why; nothing is changed while it is there. */
        hold: z.string().min(1).optional(),
        keepFailed: z.boolean().default(false),
        /** Whether a wipe takes away the databases, and the copies of the media. */
        removeDatabaseVolume: z.boolean().default(true),
        removeMediaVolume: z.boolean().default(false),
    });

/** The settings as they are written, with defaults filled in. */
export type Written = z.infer<ReturnType<typeof schemaFor>>;

/** The settings of a replica on machines, with defaults filled in and time spans in seconds. */
export type HostSettings = Omit<Written, "role" | "source"> & {
    role: "hosts";
    source: Omit<Written["source"], "database"> & { database: SourceDatabase };
};
/** Where a replica's database comes from; `replica` if that is one itself. */
export type SourceDatabase = z.infer<ReturnType<typeof sourceDatabaseOf>> & { replica: boolean };

/**
 * What a stack file of a replica on machines comes to.
 *
 * @param read the settings of another stack file of the project, as they are written there
 */
export function parseHosts(
    found: Record<string, unknown>,
    read: (stack: string) => Record<string, unknown> | undefined,
): Parsed<HostSettings> {
    const schema = schemaFor(found);
    const result = schema.safeParse(found, { reportInput: true });
    if (!result.success) {
        return { problems: result.error.issues.flatMap((issue) => describe(issue, schema)) };
    }
    const written = result.data;
    const { stack } = written.source;
    const upstream = stack === undefined ? undefined : upstreamOf(stack, written, read);
    const own = written.source.database && { ...written.source.database, replica: false };
    const source = own ?? (typeof upstream === "object" ? upstream : undefined);
    const problems = [
        ...contradictions(written),
        ...(typeof upstream === "string" ? [upstream] : []),
        ...(source === undefined && stack === undefined
            ? ["source.database is missing: write where production's database is, or source.stack for another replica"]
            : []),
    ];
    if (source === undefined) {
        return { problems };
    }
    const settings = { ...written, role: "hosts" as const, source: { ...written.source, database: source } };
    return {
        settings,
        problems: [
            ...problems,
            ...placeContradictions(settings),
            ...filesContradictions(settings),
            ...bundleContradictions(settings),
        ],
    };
}

/** What another stack file says of its target, secrets apart: those are encrypted there. */
const placeOf = (engine: EngineName) =>
    z.object({ host: hostName, server: serverOf(engine).omit({ password: true }).strip().prefault({}) });

/** Where another stack's replica is, or what is wrong with it. */
function upstreamOf(
    stack: string,
    { source, target, database }: Pick<Written, "source" | "target" | "database">,
    read: (stack: string) => Record<string, unknown> | undefined,
): SourceDatabase | string {
    const wanted = "write the name of a stack of this project on hosts";
    const found = read(stack);
    if (found === undefined) {
        return `source.stack is "${stack}", of which there is no stack file: ${wanted}`;
    }
    const engine = engineIn(found);
    if (engine !== database.engine) {
        return `source.stack is "${stack}", whose database.engine is ${engine}: write ${engine} here as well`;
    }
    const upstream = placeOf(engine).safeParse(found.target);
    if (found.hosts === undefined || !upstream.success) {
        return `source.stack is "${stack}", which is no replica on hosts: ${wanted}`;
    }
    const { host, server: at } = upstream.data;
    const isTargets = host === target.host && at.host === target.server.host && at.port === target.server.port;
    const password = source.password ?? (isTargets ? target.server.password : undefined);
    return { host, server: { ...at, ...(password && { password }) }, excludeTableData: [], replica: true };
}
