import type { Client } from "pg";
import type { ConstraintName } from "../backup/table";

/**
 * Makes sure that every index is one that queries use.
 *
 * @returns indexes of partitioned tables that not every partition has: a dump does not tell whether that is so in production
 * @throws {Error} that names the first index that is broken
 */
export async function proveIndexes(client: Client): Promise<string[]> {
    const { rows } = await client.query<{ name: string; partitioned: boolean }>(
        `select format('%I.%I', nspname, relname) as name, relkind = 'I' as partitioned
           from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
          where not (indisvalid and indisready and indislive) order by 1`,
    );
    const broken = rows.find(({ partitioned }) => !partitioned);
    if (broken !== undefined) {
        throw new Error(`The index ${broken.name} is not valid: the copy is not used.`);
    }
    return rows.map(({ name }) => `whether ${name} is an index of all partitions in production: here it is not`);
}

/** Constraints that nobody has held the rows against, and that are meant to be obeyed. */
export async function unvalidatedConstraints(client: Client): Promise<ConstraintName[]> {
    // What is inherited is as its parent is; version 18 knows constraints that nobody ever enforces.
    const { rows } = await client.query<{ schema: string; on: string; name: string }>(
        `select nspname as schema, coalesce(relname, typname) as on, conname as name
           from pg_constraint c join pg_namespace n on n.oid = c.connamespace
                left join pg_class r on r.oid = conrelid left join pg_type t on t.oid = contypid
          where not convalidated and coninhcount = 0 and conparentid = 0
            and coalesce(to_jsonb(c) ->> 'conenforced', 'true') = 'true' order by 1, 2, 3`,
    );
    return rows.map(({ schema, on, name }) => [schema, on, name]);
}

/**
 * Makes sure that the rows were held against every constraint, but for those with which production has not done it either.
 *
 * @returns those, as what is not known
 * @throws {Error} that names the first other one
 */
export async function proveConstraints(client: Client, unvalidated: ConstraintName[]): Promise<string[]> {
    const known = new Set(unvalidated.map((names) => JSON.stringify(names)));
    return (await unvalidatedConstraints(client)).map(([schema, on, name]) => {
        if (!known.has(JSON.stringify([schema, on, name]))) {
            throw new Error(`The constraint ${name} of ${schema}.${on} is not validated: the copy is not used.`);
        }
        return `whether the rows of ${schema}.${on} obey the constraint ${name}: it is NOT VALID, as in production`;
    });
}

/** What was found of the extensions. */
export interface Extensions {
    /** Versions in the copy, by name. */
    extensions: Record<string, string>;
    /** Those that production has in another version. */
    unknown: string[];
}

/**
 * Compares the extensions with those that a manifest names.
 *
 * @throws {Error} that names the first that is missing
 */
export async function proveExtensions(client: Client, named: Record<string, string>): Promise<Extensions> {
    const { rows } = await client.query<{ name: string; version: string }>(
        "select extname as name, extversion as version from pg_extension order by extname",
    );
    const extensions = Object.fromEntries(rows.map(({ name, version }) => [name, version]));
    const unknown = Object.entries(named).flatMap(([name, version]) => {
        const found = extensions[name];
        if (found === undefined) {
            throw new Error(
                `The extension ${name}, which production has in version ${version}, is not in the copy: it is not used.`,
            );
        }
        return found === version
            ? []
            : `whether extension ${name} does as in production: it is ${found} here, and ${version} there`;
    });
    return { extensions, unknown };
}

/** First major version that remembers the collation of a database. */
const rememberingCollations = 15;

/**
 * Why indexes over text in a database may be in another order than the server's, if they may: its collation has changed
 * since it was made, as with another operating system.
 */
export async function collationProblem(admin: Client, major: number, database: string): Promise<string | undefined> {
    if (major < rememberingCollations) {
        return undefined;
    }
    const { rows } = await admin.query<Versions>(
        `select datcollate as name, datcollversion as made, pg_database_collation_actual_version(oid) as now
           from pg_database where datname = $1 and datcollversion is not null
            and datcollversion is distinct from pg_database_collation_actual_version(oid)`,
        [database],
    );
    return rows[0] && describeCollation(rows[0]);
}

/** The same of the collations that single columns have. */
export async function columnCollationProblem(client: Client): Promise<string | undefined> {
    const { rows } = await client.query<Versions>(
        `select collname as name, collversion as made, pg_collation_actual_version(oid) as now
           from pg_collation where collversion is not null
            and oid in (select unnest(indcollation) from pg_index)
            and collversion is distinct from pg_collation_actual_version(oid) order by 1`,
    );
    return rows[0] && describeCollation(rows[0]);
}

/** A collation's versions. */
interface Versions {
    name: string;
    made: string;
    now: string | null;
}

function describeCollation({ name, made, now }: Versions): string {
    const found = now === null ? "without one" : `of version ${now}`;
    return `the collation ${name} was of version ${made} when it was made, and is ${found} now`;
}
