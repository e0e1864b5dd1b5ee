/** The part of a stack file that says which data the replica's database holds. */
import { z } from "zod";
import { localeProvider, postgres, type ReplicaDatabase, serversOwn } from "../contract";
import { duration, objectName, port, reachable, size } from "./values";

/** A name for PostgreSQL that leaves room for `__<generation>_base`. */
const databaseName = z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,45}$/, "write lower-case letters, digits and underscores, 46 at most");

/** An extension as `CREATE EXTENSION` calls it. */
const extensionName = z
    .string()
    .regex(/^\w+(-\w+)*$/, "write the name of an extension, such as postgis or pg_stat_statements");

/** A character set as PostgreSQL calls it, in one spelling: it is part of a copy's name. */
const encodingName = z
    .string()
    .regex(/^[A-Z][A-Z0-9_]+$/, "write a character set as PostgreSQL calls it, such as UTF8, LATIN1 or SQL_ASCII");

/** A locale of the operating system, of ICU or of PostgreSQL. */
const localeName = z
    .string()
    .regex(/^[A-Za-z][\w.@=;-]{0,62}$/, "write a locale such as en_US.UTF-8 or C, or en-US with localeProvider: icu");

/** `latest`, or the stamp in a backup's file name. */
const backup = z
    .string()
    .regex(
        /^(latest|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z)$/,
        "write latest, or the stamp in the backup's file name such as 2026-11-20T02:04:01Z",
    );

/** A database that is restored. */
export const restored = databaseName.refine((name) => !serversOwn.includes(name), {
    error: "write one of the application's databases; this one is every server's own",
});

/** What a database is called in production, and whose it is there, where that is not the same. */
const production = z
    .strictObject({ name: z.string().min(1).max(63).optional(), owner: z.string().min(1).max(63).optional() })
    .optional();

/** A database and whose it is. */
export const owned = { name: restored, owner: databaseName, production };

/** Secrets that understudy makes itself in the target namespace. */
const ownSecret = /^(database|application|login-[0-9a-f]{10})$/;

/** A PostgreSQL server that somebody brings, marked by them as this stack's. */
const server = z.strictObject({
    host: reachable,
    port: port.default(postgres.port),
    /** A superuser. */
    user: z.string().min(1).default(postgres.user),
    /** Secret in the target namespace with that user's password, key `password`. */
    passwordSecret: objectName.refine((name) => !ownSecret.test(name), {
        error: "write another Secret: that one is the replica's own",
    }),
});

/** The database, its backup and the server that it is restored on. */
export const database = z.strictObject({
    name: restored,
    /** What production's schedule dumps: each database alone, or the whole server, out of which they are taken. */
    dump: z.enum(["database", "server"]).default("database"),
    /** Role that owns the database. */
    owner: owned.owner,
    production,
    /** Further databases, which are refreshed together with it as one copy. */
    others: z.array(z.strictObject(owned)).default([]),
    /** How many databases a whole server's dump has to hold, the server's own not counted; any number if left out. */
    expectedCount: z.number().int().min(1).optional(),
    backup: backup.default("latest"),
    /** Any text; another one means: refresh again. */
    refresh: z.string().default("1"),
    maximumAge: duration.prefault("26h"),
    /** In place of a server of the replica's own. */
    server: server.optional(),
    /** Image of the replica's own server, and of the Jobs' client tools: production's major version. */
    image: z.string().min(1).default("postgres:15-bookworm"),
    /** Size of the volume of the replica's own server: room for the live copy, the former ones and the next. */
    volume: size.optional(),
    keepGenerations: z.number().int().min(0).max(10).default(1),
    /** Whether an untouched copy of what was restored stays, from which the next copy of the same backup is cloned. */
    keepBase: z.boolean().default(false),
    /** Whether amcheck looks through every B-tree index of a copy before it counts as proven. */
    amcheck: z.boolean().default(false),
    /** Untrusted extensions that a dump may have: they are made by the superuser, and what is in them runs in the server. */
    extensions: z.array(extensionName).default([]),
    /** Character set of the copies. */
    encoding: encodingName.default("UTF8"),
    /** How they sort text and know its letters. Default: as the server's own databases do. */
    locale: localeName.optional(),
    localeProvider: localeProvider.default("libc"),
    timeout: duration.prefault("15m"),
});

/** One of the databases that a replica holds, as the stack file has it. MySQL's have no owner. */
type Restored = Pick<z.infer<typeof database>, "name" | "production"> & { owner?: string | undefined };

/** The databases that a replica holds, the application's first, with what they are in production where that differs. */
export function databasesOf({
    name,
    owner,
    production,
    others,
}: Restored & { others: Restored[] }): [ReplicaDatabase, ...ReplicaDatabase[]] {
    return [resolved({ name, owner, production }), ...others.map(resolved)];
}

function resolved({ name, owner = name, production }: Restored): ReplicaDatabase {
    const there = { name: production?.name ?? name, owner: production?.owner ?? owner };
    return { name, owner, ...((there.name !== name || there.owner !== owner) && { production: there }) };
}

/** What the stack file says of the database that cannot all be meant. */
export function databaseContradictions(settings: z.infer<typeof database>): string[] {
    const { name, others, dump, expectedCount, server, volume, locale, localeProvider } = settings;
    const names = [name, ...others.map((other) => other.name)];
    const twice = new Set(names.filter((one, at) => names.indexOf(one) !== at));
    const problems = [...twice].map((one) => `database.others holds ${one} a second time: write each database once`);
    if (expectedCount !== undefined && dump !== "server") {
        problems.push(
            `database.expectedCount is ${expectedCount}, but database.dump is ${dump}: write server, or leave out expectedCount`,
        );
    } else if (expectedCount !== undefined && expectedCount < names.length) {
        problems.push(
            `database.expectedCount is ${expectedCount}, but ${names.length} databases are restored: write at least ${names.length}`,
        );
    }
    if (localeProvider !== "libc" && locale === undefined) {
        problems.push(
            `database.localeProvider is ${localeProvider}, but no locale is set: write database.locale, or leave out localeProvider`,
        );
    }
    if (server === undefined && volume === undefined) {
        problems.push(
            "database.volume is missing: write the size of the server's volume, or database.server for a server that is there",
        );
    } else if (server !== undefined && volume !== undefined) {
        problems.push(
            `database.volume is ${volume}, but database.server keeps its data on its own volume: leave one of them out`,
        );
    }
    return problems;
}
