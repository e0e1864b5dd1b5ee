import type { Connection } from "mysql2/promise";
import { quotedIn, rowsOf } from "./rows";

/** What `CHECKSUM TABLE` says of a table's rows. */
export async function checksumOf(connection: Connection, database: string, table: string): Promise<string> {
    const [found] = await rowsOf<{ Checksum: number | string | null }>(
        connection,
        `checksum table ${quotedIn(database, table)}`,
    );
    return String(found?.Checksum);
}
