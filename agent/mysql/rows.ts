import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";

/** The rows that a query gives. */
export async function rowsOf<T>(connection: Connection, sql: string, values: unknown[] = []): Promise<T[]> {
    const [rows] = await connection.query<RowDataPacket[]>(sql, values);
    return rows as unknown as T[];
}

/** How many rows a statement has changed. */
export async function change(connection: Connection, sql: string, values: unknown[] = []): Promise<number> {
    const [result] = await connection.query<ResultSetHeader>(sql, values);
    return result.affectedRows ?? 0;
}

/** A name in quotes. */
export function quoted(name: string): string {
    return `\`${name.replaceAll("`", "``")}\``;
}

/** A table's name in quotes, with its database. */
export function quotedIn(database: string, table: string): string {
    return `${quoted(database)}.${quoted(table)}`;
}

/** A text as a literal that means the same whatever the session's SQL mode is. */
export function literal(text: string): string {
    return `convert(x'${Buffer.from(text).toString("hex")}' using utf8mb4)`;
}
