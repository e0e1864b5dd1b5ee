/**
 * Prints a digest of everything that production's server and folders hold, as JSON: two equal outputs mean that
 * nothing was changed in between. The folders are the arguments.
 */
import { createHash } from "node:crypto";
import { Client, escapeIdentifier } from "pg";
import { treeDigest } from "./digest/tree";

async function main(folders: string[]): Promise<void> {
    const { system_identifier: systemIdentifier, databases, roles } = await server();
    const rows: Record<string, Record<string, string>> = {};
    for (const database of databases) rows[database] = await connected(database, rowDigests);
    const files: Record<string, string> = {};
    for (const folder of folders) files[folder] = await treeDigest(folder);
    console.log(JSON.stringify({ systemIdentifier, roles, rows, files }));
}

interface Server {
    system_identifier: string;
    databases: string[];
    /** Digest of all roles, their passwords' hashes and memberships included. */
    roles: string;
}

function server(): Promise<Server> {
    return connected("postgres", async (client) => {
        const { rows } = await client.query<Server>(
            `select system_identifier::text,
                 (select json_agg(datname order by datname) from pg_database where datallowconn) as databases,
                 md5((select string_agg(r::text, ',' order by r.rolname) from pg_authid r)
                     || coalesce((select string_agg(m::text, ',' order by m::text) from pg_auth_members m), '')) as roles
             from pg_control_system()`,
        );
        const [found] = rows;
        if (!found) throw new Error("The server does not say who it is.");
        return found;
    });
}

/** Digests of a database's tables, sequences and large objects, by name. */
async function rowDigests(client: Client): Promise<Record<string, string>> {
    const { rows: relations } = await client.query<{ schema: string; name: string; kind: string }>(
        `select nspname as schema, relname as name, relkind as kind from pg_class
         join pg_namespace n on n.oid = relnamespace
         where relkind in ('r', 'm', 'S') and nspname !~ '^pg_' and nspname <> 'information_schema'
         order by 1, 2`,
    );
    const digests: Record<string, string> = { definition: await definition(client) };
    for (const { schema, name, kind } of relations) {
        const relation = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
        const line = kind === "S" ? "row(last_value, is_called)" : "t";
        digests[`${schema}.${name}`] = await digestOf(client, `select ${line}::text as line from ${relation} t`);
    }
    digests.largeObjects = await digestOf(
        client,
        "select oid || ' ' || md5(lo_get(oid)) as line from pg_largeobject_metadata",
    );
    return digests;
}

/** Digest of what the tables, functions and rights are, rather than what they hold. */
async function definition(client: Client): Promise<string> {
    const { rows } = await client.query<{ line: string }>(
        `select c.oid || ' ' || c.relname || ' ' || c.relowner || coalesce(c.relacl::text, '') as line
         from pg_class c where relnamespace = 'public'::regnamespace
         union all select p.oid || ' ' || md5(p::text) from pg_proc p where pronamespace = 'public'::regnamespace
         order by 1`,
    );
    return createHash("md5")
        .update(rows.map(({ line }) => line).join("\n"))
        .digest("hex");
}

/** The number of lines that a query returns, and a digest that does not depend on their order. */
async function digestOf(client: Client, query: string): Promise<string> {
    const { rows } = await client.query<{ digest: string }>(
        `select count(*) || ' ' || coalesce(md5(string_agg(md5(line), '' order by md5(line) collate "C")), '') as digest
         from (${query}) lines`,
    );
    return rows[0]?.digest ?? "";
}

async function connected<Result>(database: string, work: (client: Client) => Promise<Result>): Promise<Result> {
    const client = new Client({ database });
    await client.connect();
    try {
        return await work(client);
    } finally {
        await client.end();
    }
}

main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
});
