import { Client } from "pg";
import type { DumpedDatabase, Manifest } from "../../contract/manifest";
import type { Publication } from "../../contract/publication";
import { collationSql } from "../postgres/locale";

/** What the server tells of a database when its dump begins. */
export type DatabaseFacts = Omit<DumpedDatabase, "schema" | "tables" | "largeObjects" | "sequences">;

/** Who is asked about what. */
type Asking = Pick<Publication, "dump" | "databases" | "migrations"> & {
    server: Pick<Publication["server"], "host" | "port" | "user">;
};

/** What the server tells of itself and of every database that is dumped. */
export interface Facts {
    server: Manifest["server"];
    /** By name; of a whole server all that can be connected to. */
    databases: Map<string, DatabaseFacts>;
}

/**
 * Asks production's server, in transactions that can only read.
 *
 * @throws {Error} one sentence when it cannot be reached, or when a query for migrations gives no value
 */
export async function readFacts(plan: Asking, password: string): Promise<Facts> {
    const names = plan.dump === "server" ? await allDatabases(plan, password) : plan.databases;
    const facts: Facts = { server: { version: "", systemIdentifier: "" }, databases: new Map() };
    for (const name of names) {
        await asking(plan, password, name, async (client) => {
            facts.server = await serverFacts(client);
            facts.databases.set(name, await databaseFacts(client, plan.migrations[name], name));
        });
    }
    return facts;
}

async function allDatabases(plan: Asking, password: string): Promise<string[]> {
    return asking(plan, password, "postgres", async (client) => {
        const { rows } = await client.query<{ name: string }>(
            "select datname as name from pg_database where datallowconn",
        );
        return rows.map(({ name }) => name);
    });
}

async function asking<T>(
    { server }: Asking,
    password: string,
    database: string,
    ask: (client: Client) => Promise<T>,
): Promise<T> {
    const { host, port, user } = server;
    const client = new Client({ host, port, user, password, database, application_name: "understudy publish" });
    // The query that is under way fails with the same.
    client.on("error", () => undefined);
    try {
        await client.connect();
        await client.query("begin read only");
        return await ask(client);
    } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`Database ${database} on ${host}:${port} cannot be asked: ${reason}.`);
    } finally {
        await client.end();
    }
}

async function serverFacts(client: Client): Promise<Facts["server"]> {
    const { rows } = await client.query<Facts["server"]>(
        `select split_part(current_setting('server_version'), ' ', 1) as version,
                system_identifier::text as "systemIdentifier" from pg_control_system()`,
    );
    return rows[0] as Facts["server"];
}

async function databaseFacts(client: Client, query: string | undefined, name: string): Promise<DatabaseFacts> {
    const { rows } = await client.query<{ encoding: string; collation: string; version: string | null; bytes: string }>(
        // Only since version 15 is there a version of the collation.
        `select pg_encoding_to_char(encoding) as encoding, ${collationSql} as collation,
                to_jsonb(d) ->> 'datcollversion' as version, pg_database_size(oid) as bytes
           from pg_database d where datname = current_database()`,
    );
    const extensions = await client.query<{ name: string; version: string }>(
        "select extname as name, extversion as version from pg_extension order by extname",
    );
    const [{ encoding, collation, version, bytes } = { encoding: "", collation: "", version: null, bytes: "0" }] = rows;
    return {
        encoding,
        collation,
        ...(version !== null && { collationVersion: version }),
        bytes: Number(bytes),
        extensions: Object.fromEntries(extensions.rows.map((extension) => [extension.name, extension.version])),
        ...(query !== undefined && { migrations: await newestMigration(client, query, name) }),
    };
}

async function newestMigration(client: Client, query: string, name: string): Promise<string> {
    const key = `database.migrations.${name}`;
    const result = await client
        // Prepared, so that it is one statement; texts as the server writes them.
        .query<(string | null)[]>({
            text: query,
            rowMode: "array",
            queryMode: "extended",
            types: { getTypeParser: () => String },
        } as { text: string; rowMode: "array" })
        .catch((error: Error) => {
            throw new Error(`the query ${key} fails (${error.message}): correct it in the stack file`);
        });
    const value = result.rows[0]?.[0];
    if (result.rows.length !== 1 || result.rows[0]?.length !== 1 || value === null || value === undefined) {
        throw new Error(`the query ${key} has to give one value: let it end with limit 1`);
    }
    return value;
}
