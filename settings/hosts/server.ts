/** Database servers of machines, as a stack file has them. */
import { z } from "zod";
import { postgres } from "../../contract";
import { port } from "../values";

export const engines = ["postgres", "mysql"] as const;
/** `mysql` is MariaDB as well. */
export type EngineName = (typeof engines)[number];

/** What is meant where a stack file leaves it out: the server of the machine itself. */
const usual = {
    postgres: { host: "/var/run/postgresql", port: postgres.port, user: postgres.user },
    mysql: { host: "/var/run/mysqld/mysqld.sock", port: 3306, user: "root" },
} as const;

/** The engine that a stack file names, whatever else is wrong with it. */
export function engineIn(written: Record<string, unknown>): EngineName {
    const { engine } = (written.database ?? {}) as { engine?: unknown };
    return engine === "mysql" ? engine : "postgres";
}

/** The shape of a server as a machine that it is near to sees it. */
export function serverOf(engine: EngineName) {
    const { host, port: usualPort, user } = usual[engine];
    return z.strictObject({
        /** Its address; or the folder of its socket, of MySQL and MariaDB the socket itself. */
        host: z
            .string()
            .regex(
                /^(\/[^\0\s]*|[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)$/,
                "write the path of a socket, a host name or an address",
            )
            .default(host),
        port: port.default(usualPort),
        user: z.string().min(1).default(user),
        /** That user's password; left out where the server knows users of its machine. */
        password: z.string().min(1).optional(),
    });
}
