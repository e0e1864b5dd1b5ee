/** How a database server is reached. */
import { postgres } from "../contract";
import type { Settings } from "../settings";

/** Name of the Secret with the superuser's password, key `password`, with those before and what they are derived from. Kept together with the database's volume. */
export const databaseSecret = "database";

/** Host name of the server inside the target namespace. */
export const databaseHost = "database";

/** How a server is reached, and by whom it is governed. */
export type ServerAccess = NonNullable<Settings["database"]["server"]>;

/** The server that the replica's databases are on: the one that is brought, else the replica's own. */
export function serverOf({ server }: Settings["database"]): ServerAccess {
    return server ?? { host: databaseHost, ...postgres, passwordSecret: databaseSecret };
}

/** The Secret with the superuser's password, and what of it is for the agent. Of a server that is brought nobody else knows another. */
export function adminOf(database: Settings["database"]) {
    const { passwordSecret } = serverOf(database);
    const keys = database.server === undefined ? ["password", "former"] : ["password"];
    return { secretName: passwordSecret, keys };
}
