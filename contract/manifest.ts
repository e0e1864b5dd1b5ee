/** What production's side writes down about its backups, for those who restore them. */
import * as z from "zod";
import { dumpKind } from "../contract";

/** Version of these shapes; a reader refuses another one. */
export const manifestVersion = 1;

/** What names of backups of a whole server have in the place of a database. */
export const serverSubject = "dumpall";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().min(0);

/** One database as the dump holds it. */
export const dumpedDatabase = z.strictObject({
    encoding: z.string(),
    /** `lc_collate`, or the locale of another provider, `en-US (icu)`, and its version; absent where there is none, as for `C`. */
    collation: z.string(),
    collationVersion: z.string().optional(),
    /** `pg_database_size` when the dump began: what the restored one will need about. */
    bytes: count,
    /** Versions of the extensions, by name. */
    extensions: z.record(z.string(), z.string()),
    /** What the query `migrations` of the publisher has answered: the newest migration of the application. */
    migrations: z.string().optional(),
    /**
     * SHA-256 over all statements of the dump but those that set a sequence's position, in no order: equal ones make the
     * same tables, indexes and rights.
     */
    schema: sha256,
    /** By `schema.table`, as the dump writes the name: rows, and bytes and SHA-256 of its lines in COPY's text format. */
    tables: z.record(z.string(), z.strictObject({ rows: count, bytes: count, sha256 })),
    /** SHA-256 over the lines `<oid> <SHA-256 of the data>` of all of them, sorted as text. */
    largeObjects: z.strictObject({ count, sha256 }),
    /** By `schema.sequence`, as the dump writes the name. */
    sequences: z.record(z.string(), z.strictObject({ value: z.string(), called: z.boolean() })),
});
export type DumpedDatabase = z.infer<typeof dumpedDatabase>;

/**
 * The encoding of a dump's text, of which hashes are: UTF8, whatever the database's own. A database of `SQL_ASCII` does not
 * know what its bytes mean, and nobody can make UTF8 of them; a dump of a whole server has one encoding for all.
 */
export function dumpEncoding(dump: Manifest["dump"], encoding: string | undefined): string {
    return dump === "database" && encoding === "SQL_ASCII" ? encoding : "UTF8";
}

/** What the manifest of every backup says, whichever engine its databases have. */
export const backupFacts = z.strictObject({
    version: z.literal(manifestVersion),
    /** Name of the backup's file or folder in its tier. */
    backup: z.string(),
    stamp: z.string(),
    /** The database, or {@link serverSubject}. */
    subject: z.string(),
    format: z.enum(["plain", "directory"]),
    /** ISO times. */
    begun: z.string(),
    ended: z.string(),
    /** Version of the program that dumps. */
    client: z.string(),
    /** Tag of production's workload when the dump began; absent if the publisher was told of none. */
    imageTag: z.string().optional(),
    /** Every file of the backup, by its path below the backup's folder; of a plain one, by its name. */
    files: z.record(z.string(), z.strictObject({ bytes: count, sha256 })),
});
export type BackupFacts = z.infer<typeof backupFacts>;

/**
 * The manifest of one backup of PostgreSQL. It stands beside the backup and is written after it:
 * `backup-2026-11-20T02:04:01Z-shop.json` beside the folder `backup-2026-11-20T02:04:01Z-shop`, or beside the plain
 * `backup-2026-11-20T02:04:01Z-shop.sql.gz`.
 */
export const manifestSchema = backupFacts.extend({
    dump: dumpKind,
    server: z.strictObject({ version: z.string(), systemIdentifier: z.string() }),
    databases: z.record(z.string(), dumpedDatabase),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** The same of MySQL or MariaDB, beside a plain file. */
export const mysqlManifestSchema = backupFacts.extend({
    engine: z.literal("mysql"),
    server: z.strictObject({ version: z.string(), id: z.string() }),
    /** Bytes of rows and indexes when the dump began. */
    databaseBytes: count,
    /**
     * By name, in the snapshot that was dumped: rows, and what `CHECKSUM TABLE` says of them. The checksum is absent where no
     * snapshot was sure to be the dump's.
     */
    tables: z.record(z.string(), z.strictObject({ rows: count, checksum: z.string().optional() })),
});
export type MysqlManifest = z.infer<typeof mysqlManifestSchema>;

/** The manifest of a backup of any engine. */
export const anyManifest = z.union([manifestSchema, mysqlManifestSchema]);
export type AnyManifest = z.infer<typeof anyManifest>;

/** Name of the file beside a backup that says that it has rotted, and how. `stem` is its name without an ending. */
export function rotMark(stem: string): string {
    return `.rotten-${stem}`;
}

/** Tiers of a store, the most frequent first. */
export const tiers = ["hourly", "daily", "weekly", "monthly"] as const;
export type Tier = (typeof tiers)[number];

/** A backup in short: a line of the catalogue. */
export const catalogueEntry = z.strictObject({
    tier: z.enum(tiers),
    backup: z.string(),
    stamp: z.string(),
    subject: z.string(),
    format: z.enum(["plain", "directory"]),
    /** As stored. */
    bytes: count,
    /** Of its databases, when the dump began. */
    databaseBytes: count,
    rows: count,
    /** Version of production's server. */
    server: z.string(),
    /** What that server calls itself: of MySQL its `server_uuid`, of MariaDB its `server_uid`. */
    systemIdentifier: z.string(),
    imageTag: z.string().optional(),
    /** SHA-256 of the manifest. */
    manifest: sha256,
});
export type CatalogueEntry = z.infer<typeof catalogueEntry>;

/**
 * The catalogue: the newest first, one JSON object a line. The same text is in the store's root and in production's
 * namespace.
 */
export const catalogueFile = "catalogue.jsonl";

/** ConfigMap in production's namespace with the catalogue under the key {@link catalogueFile}. */
export const catalogueConfigMap = "understudy-catalogue";

/**
 * The entries of a text with a JSON object a line.
 *
 * @param file what the text is called
 * @throws {Error} that names the line which is none
 */
export function entriesIn<T>(file: string, text: string, entry: z.ZodType<T>): T[] {
    return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line, at) => {
            try {
                return entry.parse(JSON.parse(line));
            } catch {
                throw new Error(`line ${at + 1} of ${file} is not as this version of understudy writes it`);
            }
        });
}
