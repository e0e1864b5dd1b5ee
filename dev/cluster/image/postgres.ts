import { join } from "node:path";
import type { ImageSpec } from "./spec";

const major = "15";
const programs = `/usr/lib/postgresql/${major}/bin`;

/**
 * An image with the contract of the official `postgres:15-bookworm`: account `postgres` with uid 999, the variables
 * `POSTGRES_…` and `PGDATA`, scripts in `/docker-entrypoint-initdb.d`, a server that listens on all addresses.
 */
export function postgresImage(): ImageSpec {
    const data = "/var/lib/postgresql/data";
    const sample = `/usr/share/postgresql/${major}/postgresql.conf.sample`;
    return {
        tags: [`postgres:${major}-bookworm`, `postgres:${major}`],
        users: [{ name: "postgres", uid: 999, home: "/var/lib/postgresql" }],
        // Debian would make a cluster of its own while it installs the server.
        files: [
            { path: "/etc/postgresql-common/createcluster.conf", content: "create_main_cluster = false\n" },
            {
                path: "/usr/local/bin/docker-entrypoint.sh",
                from: join(__dirname, "postgres-entrypoint.sh"),
                mode: 0o755,
            },
        ],
        packages: ["libnss-wrapper", "locales", `postgresql-${major}`, "xz-utils", "zstd"],
        commands: [
            "localedef --inputfile=en_US --charmap=UTF-8 en_US.UTF-8",
            `sed -i "s/^#listen_addresses = 'localhost'/listen_addresses = '*'/" ${sample}`,
            "mkdir /docker-entrypoint-initdb.d",
            "install --directory --owner=postgres --group=postgres --mode=3777 /var/run/postgresql",
            `install --directory --owner=postgres --group=postgres --mode=1777 ${data}`,
        ],
        env: {
            PATH: `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${programs}`,
            LANG: "en_US.utf8",
            PG_MAJOR: major,
            PGDATA: data,
        },
        volumes: [data],
        ports: [5432],
        stopSignal: "SIGINT",
        entrypoint: ["docker-entrypoint.sh"],
        cmd: ["postgres"],
    };
}
