/** How a database server is reached. */
import { postgres } from "../contract";
import type { Settings } from "../settings";

/** Name of the Secret with the superuser's password, key `password`. Kept together with the database's volume. */
export const databaseSecret = "database";

/** Host name of the server inside the target namespace. */
export const databaseHost = "database";

/** How a server is reached, and by whom it is governed. */
export type ServerAccess = NonNullable<Settings["database"]["server"]>;

/** The server that the replica's databases are on: the one that is brought, else the replica's own. */
export function serverOf({ server }: Settings["database"]): ServerAccess {
    return server ?? { host: databaseHost, ...postgres, passwordSecret: databaseSecret };
}
