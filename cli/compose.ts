/** What a bundle for developers holds besides data: the compose file, and what there is to know. */
import yaml from "js-yaml";
import { developer } from "../contract/hosts";
import type { HostSettings } from "../settings/hosts";
import { copiedNames } from "../settings/hosts/bundle";
import { valuesOf } from "../settings/hosts/files";
import type { EngineName } from "../settings/hosts/server";

/** What a compose file says of the database's server that is not the same for all of them. */
interface DatabaseService {
    image: string;
    /** Options that the server is started with besides its image's own. */
    command?: string[];
    environment: Record<string, string>;
    /** Succeeds once the dumps are loaded: until then the server answers on its socket alone. */
    test: string[];
}

/** A server in a bundle. */
interface BundledServer {
    /** Port that it listens on, and the one by which the developer's own machine leads there. */
    port: number;
    publish: number;
    /**
     * @param version what the replica's server says of its version
     * @param database the application's
     */
    service(version: string, database: string): DatabaseService;
}

const servers: Record<EngineName, BundledServer> = {
    postgres: {
        port: 5432,
        publish: 15432,
        service: (version, database) => ({
            image: `postgres:${version.split(".")[0]}`,
            environment: { POSTGRES_USER: developer, POSTGRES_PASSWORD: developer, POSTGRES_DB: "postgres" },
            test: ["CMD", "pg_isready", "--host=127.0.0.1", `--username=${developer}`, `--dbname=${database}`],
        }),
    },
    mysql: {
        port: 3306,
        publish: 13306,
        service(version) {
            const kind = /mariadb/i.test(version) ? "mariadb" : "mysql";
            const variables = ["ROOT_PASSWORD", "USER", "PASSWORD"].map((name) => `${kind}_${name}`.toUpperCase());
            const ping = `--host=127.0.0.1 --user=${developer} --password=${developer} ping`;
            return {
                image: `${kind}:${version.match(/^\d+\.\d+/)?.[0]}`,
                // Whatever rows the replica's server takes, this one does.
                command: ["--max-allowed-packet=1G"],
                environment: Object.fromEntries(variables.map((name) => [name, developer])),
                // MySQL's image, and MariaDB's before 10.4, know the second name alone.
                test: ["CMD-SHELL", `mariadb-admin ${ping} || mysqladmin ${ping}`],
            };
        },
    },
};

/** Where the application has a copied folder in its container. */
export function placeInContainer({ bundle }: Pick<HostSettings, "bundle">, name: string): string {
    return bundle?.folders[name] ?? `/${name}`;
}

/** Folder of a bundle with configuration files that stand in no copied folder. */
export const configuration = "configuration";

/**
 * The compose file.
 *
 * @param version what the replica's server says of its version
 * @param paths absolute paths of configuration files that stand in no copied folder
 */
export function composeFile(settings: HostSettings, version: string, paths: string[]): string {
    const { bundle, database } = settings;
    const { port, publish, service } = servers[database.engine];
    const { test, ...server } = service(version, database.name);
    const services = {
        database: {
            ...server,
            volumes: ["./databases:/docker-entrypoint-initdb.d:ro"],
            ports: [`127.0.0.1:${publish}:${port}`],
            healthcheck: { test, interval: "2s", retries: 1800 },
        },
        ...(bundle !== undefined && {
            application: {
                image: bundle.image,
                depends_on: { database: { condition: "service_healthy" } },
                ports: [`127.0.0.1:${bundle.publish}:${bundle.port}`],
                volumes: [
                    ...copiedNames(settings).map((name) => `./files/${name}:${placeInContainer(settings, name)}`),
                    ...paths.map((path) => `./${configuration}${path}:${path}:ro`),
                ],
            },
        }),
    };
    return yaml.dump({ services }, { lineWidth: 120 });
}

/** What templates can name, as it is in a bundle. Nothing in it is the replica's secret. */
export function valuesInBundle(settings: HostSettings): Map<string, string> {
    const values = [...valuesOf(settings)].map(([name]): [string, string] => {
        if (name === "media") {
            return [name, placeInContainer(settings, "media")];
        }
        if (name.startsWith("folders.")) {
            return [name, placeInContainer(settings, name.slice("folders.".length))];
        }
        return [name, developer];
    });
    return new Map([
        ...values,
        ["database.host", "database"],
        ["database.port", String(servers[settings.database.engine].port)],
        ["database.name", settings.database.name],
    ]);
}

/** The text for whoever gets the bundle. */
export function readme(
    settings: HostSettings,
    about: { stack: string; generation: string; stamp: string; made: string; unmasked?: string },
): string {
    const { bundle, database } = settings;
    const page = bundle === undefined ? "" : ` The application answers at http://localhost:${bundle.publish}/.`;
    const { publish } = servers[database.engine];
    const people =
        about.unmasked === undefined
            ? "People's data in it is masked, as the replica's is."
            : `**People's data in it is as production has it** (${about.unmasked}): keep it as you would keep that.`;
    return `# ${about.stack} on a machine of your own

    docker compose up --detach --wait

That loads the databases and starts what there is.${page} The database answers at localhost:${publish}, user and password
\`${developer}\`. Nothing of it needs the network, once \`docker compose pull\` has brought the images.

What you change stays until \`docker compose down --volumes\`; the next start then begins with what is in this folder.

It was made ${about.made} of the replica ${about.stack}, generation ${about.generation}, of backup ${about.stamp}.
${people}
`;
}
