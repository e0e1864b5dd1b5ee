import { createHash } from "node:crypto";
import type { DumpedDatabase } from "../../contract/manifest";
import type { TestServer } from "./server";

/** A table's lines as psql gives them, of the columns that a dump holds. */
export async function copied(server: TestServer, database: string, table: string): Promise<Buffer> {
    const columns = await server.query(
        database,
        `select string_agg(quote_ident(attname), ', ' order by attnum) as list from pg_attribute
          where attrelid = '${table.replaceAll("'", "''")}'::regclass and attnum > 0 and not attisdropped
            and attgenerated = ''`,
    );
    const list = columns[0]?.list === null ? "" : `(${columns[0]?.list})`;
    const copy = `copy ${table} ${list} to stdout`;
    return server.tool("psql", ["-X", "-q", "--dbname", database, "-c", "set timezone to 'UTC'", "-c", copy]);
}

export function sha256(bytes: Buffer | string): string {
    return createHash("sha256").update(bytes).digest("hex");
}

/** What a manifest says of a database's large objects, as the server tells it. */
export async function copiedLargeObjects(
    { query }: TestServer,
    database: string,
): Promise<DumpedDatabase["largeObjects"]> {
    const [row] = await query(
        database,
        `select count(*)::int, encode(sha256(coalesce(string_agg(line, '' order by line collate "C"), '')::bytea), 'hex') as sha256
           from (select oid || ' ' || encode(sha256(lo_get(oid)), 'hex') || E'\\n' as line from pg_largeobject_metadata) lines`,
    );
    return { count: Number(row?.count), sha256: String(row?.sha256) };
}
