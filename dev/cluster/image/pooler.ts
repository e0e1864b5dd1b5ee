import type { ImageSpec } from "./spec";

/** An image with the contract of `edoburu/pgbouncer:v1.25.1-p0`: account `postgres` with uid 70, program `pgbouncer`. */
export function poolerImage(): ImageSpec {
    return {
        tags: ["edoburu/pgbouncer:v1.25.1-p0"],
        users: [{ name: "postgres", uid: 70, home: "/var/lib/postgresql" }],
        packages: ["pgbouncer"],
        user: "70:70",
        ports: [5432],
        cmd: ["pgbouncer", "/etc/pgbouncer/pgbouncer.ini"],
    };
}
