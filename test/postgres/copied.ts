import { createHash } from "node:crypto";
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
