/** A stack file of production's side: which backups are made there, when, and how many are kept. */
import { z } from "zod";
import { postgres } from "../contract";
import { serverSubject, type Tier, tiers } from "../contract/manifest";
import { restored } from "./database";
import { glob, percent, relativePath } from "./media";
import { describe, type Parsed } from "./problems";
import { s3 } from "./store";
import { duration, label, objectName, workload } from "./values";

const schedule = z
    .string()
    .regex(/^[\d*,/-]+( [\w*,/-]+){4}$/, "write the five fields of a schedule, such as 51 * * * *");

const database = z.strictObject({
    /** What production's server is; `mysql` is MariaDB as well. */
    engine: z.enum(["postgres", "mysql"]).default("postgres"),
    /** Production's own server, under its name in the namespace or elsewhere. */
    host: z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, "write a host name in lower case, or an address"),
    /** The engine's own if left out. */
    port: z.number().int().min(1).max(65535).optional(),
    /** Who can read everything that is dumped; the engine's administrator if left out. */
    user: z.string().min(1).optional(),
    /** Secret in production's namespace with that user's password, and the key that it stands under. */
    passwordSecret: objectName,
    passwordKey: z.string().min(1).default("password"),
    dump: z.enum(["database", "server"]).default("database"),
    /** What is dumped, each database for itself under the same stamp; nothing for a whole server. */
    names: z.array(restored).default([]),
    /** `directory` if left out, and `plain` for a whole server and for MySQL. */
    format: z.enum(["directory", "plain"]).optional(),
    /** Connections of one dump in directory format; 2 if left out. */
    jobs: z.number().int().min(1).max(32).optional(),
    /** Tables whose rows are left out, as patterns of pg_dump. */
    excludeTableData: z.array(z.string().min(1)).default([]),
    /** By database: a query whose only value is the newest migration. */
    migrations: z.record(z.string(), z.string().min(1)).default({}),
    /** Official image of production's own major version. */
    image: z.string().min(1).optional(),
    timeout: duration.prefault("50m"),
});

/** Production's media, and the store that replicas read. */
const media = z.strictObject({
    /** Claim in production's namespace that the media are on. It is only read. */
    claim: objectName,
    /** Claim in production's namespace for their store. */
    store: objectName,
    /** When the store is brought up to date, in UTC. */
    schedule: schedule.default("4 2 * * *"),
    /** When all of the store is read again, in UTC. */
    verifySchedule: schedule.default("37 3 * * 0"),
    /** What is left out. */
    exclude: z.array(glob).default([]),
    /** Whether symbolic links may lead out of production's folder. */
    links: z.enum(["refuse", "keep"]).default("refuse"),
    /** Media with fewer files are taken for a mount that is missing. */
    minimumFiles: z.number().int().min(1).default(1),
    /** Media without this file are taken for a mount that is missing. */
    sentinel: relativePath.optional(),
    /** Percent of the store's files that the media may lack. */
    maximumDeletions: percent.default(20),
    /** A private bucket that gets a folder for each day of the week. */
    offsite: s3.optional(),
    timeout: duration.prefault("6h"),
});

const number = z.number().int().min(0).max(1000);

const schema = z.strictObject({
    role: z.literal("source"),
    source: z.strictObject({
        /** Context of the kubeconfig that production runs on. */
        context: z.string().min(1),
        /** Production's namespace. It is never made, labelled or removed. */
        namespace: label,
        /** What runs production's tag; manifests tell none if left out. */
        workload: workload.optional(),
        pullSecret: objectName.optional(),
    }),
    database,
    store: z.strictObject({
        /** Claim in production's namespace that the backups go to. */
        claim: objectName,
        /** Whether it is production's own store with its tiers; else it is for replicas alone, and keeps two backups. */
        tiers: z.boolean().default(true),
        keep: z
            .strictObject({
                hourly: number.min(1).optional(),
                daily: number.optional(),
                weekly: number.optional(),
                monthly: number.optional(),
            })
            .prefault({}),
    }),
    /** A private bucket that the store is copied to after each run. */
    offsite: s3.optional(),
    /** Nobody publishes the media if left out. */
    media: media.optional(),
    /** When backups are made, in UTC. */
    schedule: schedule.optional(),
    /** When all of them are read again, in UTC. */
    verifySchedule: schedule.default("17 3 * * 0"),
});

type Written = z.infer<typeof schema>;

/** How the media are published. */
export type MediaSettings = NonNullable<Written["media"]>;

/** The settings of production's side, with defaults filled in and time spans in seconds. */
export type PublisherSettings = Written & {
    database: { format: "directory" | "plain"; jobs: number; port: number; user: string; image: string };
    store: { keep: Record<Tier, number> };
    schedule: string;
};

/** What is usual of each engine. */
const engines = {
    postgres: { port: postgres.port, user: postgres.user, image: "postgres:15-bookworm" },
    mysql: { port: 3306, user: "root", image: "mariadb:10.11" },
};

/** How many backups of each tier a store keeps, and when they are made: with tiers as today's, and for replicas alone. */
const defaults = {
    tiers: { keep: { hourly: 24, daily: 7, weekly: 4, monthly: 12 }, schedule: "51 * * * *" },
    alone: { keep: { hourly: 2, daily: 0, weekly: 0, monthly: 0 }, schedule: "4 2 * * *" },
};

/** What a stack file of production's side comes to. */
export function parsePublisher(found: Record<string, unknown>): Parsed<PublisherSettings> {
    const result = schema.safeParse(found, { reportInput: true });
    return result.success
        ? { settings: filledIn(result.data), problems: contradictions(result.data) }
        : { problems: result.error.issues.flatMap((issue) => describe(issue, schema)) };
}

function filledIn(settings: Written): PublisherSettings {
    const { database, store } = settings;
    const engine = engines[database.engine];
    const usual = store.tiers ? defaults.tiers : defaults.alone;
    return {
        ...settings,
        database: {
            ...database,
            port: database.port ?? engine.port,
            user: database.user ?? engine.user,
            image: database.image ?? engine.image,
            format: database.format ?? (isPlain(database) ? "plain" : "directory"),
            jobs: database.jobs ?? 2,
        },
        store: { ...store, keep: { ...usual.keep, ...store.keep } },
        schedule: settings.schedule ?? usual.schedule,
    };
}

/** Whether nothing but plain dumps can be made. */
function isPlain({ engine, dump }: Written["database"]): boolean {
    return engine === "mysql" || dump === "server";
}

/** What a stack file says in two places that cannot both be meant. */
function contradictions({ database, store, media }: Written): string[] {
    const { engine, dump, names, format, jobs, excludeTableData, migrations } = database;
    const problems = engine === "mysql" ? ofPostgresAlone(database) : [];
    if (dump === "database" && names.length === 0) {
        problems.push("database.names is missing: write the databases to back up, or database.dump: server");
    }
    if (new Set(names).size < names.length) {
        problems.push(`database.names is ${names.join(", ")}: write each database once`);
    }
    if (names.includes(serverSubject)) {
        problems.push(
            `database.names holds ${serverSubject}, which names backups of whole servers: rename that database`,
        );
    }
    if (engine === "postgres" && dump === "server") {
        const alone = "a whole server is dumped as it is, plain";
        const written = { names: names.length > 0, excludeTableData: excludeTableData.length > 0 };
        for (const [key] of Object.entries(written).filter(([, is]) => is)) {
            problems.push(
                `database.${key} is written, but database.dump is server: ${alone}, so leave one of them out`,
            );
        }
        if (format === "directory") {
            problems.push(`database.format is directory, but database.dump is server: ${alone}, so leave out format`);
        }
    } else {
        for (const name of Object.keys(migrations).filter((name) => !names.includes(name))) {
            problems.push(`database.migrations.${name} is of no database in database.names: write one of them`);
        }
    }
    if (engine === "postgres" && jobs !== undefined && (dump === "server" || format === "plain")) {
        problems.push(`database.jobs is ${jobs}, but a plain dump comes through one connection: leave it out`);
    }
    const claims = Object.entries({
        "store.claim": store.claim,
        "media.claim": media?.claim,
        "media.store": media?.store,
    });
    for (const [at, [key, claim]] of claims.entries()) {
        for (const [other] of claims.slice(0, at).filter(([, same]) => claim !== undefined && same === claim)) {
            problems.push(`${key} is ${claim}, and so is ${other}: give each a claim of its own`);
        }
    }
    for (const tier of tiers.filter((tier) => tier !== "hourly" && !store.tiers && (store.keep[tier] ?? 0) > 0)) {
        problems.push(`store.keep.${tier} is ${store.keep[tier]}, but store.tiers is false: leave one of them out`);
    }
    return problems;
}

/** What is written that dumps of MySQL do not know. */
function ofPostgresAlone(database: Written["database"]): string[] {
    const { dump, format, jobs, excludeTableData, migrations } = database;
    const written = {
        dump: dump === "server",
        format: format === "directory",
        jobs: jobs !== undefined,
        excludeTableData: excludeTableData.length > 0,
        migrations: Object.keys(migrations).length > 0,
    };
    return Object.entries(written)
        .filter(([, is]) => is)
        .map(
            ([key]) =>
                `database.${key} is written, but database.engine is mysql, whose databases are dumped whole, each for ` +
                `itself and plain: leave out ${key}`,
        );
}
