import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { digest } from "./digest";
import type { Generations } from "./generations";
import { labels, type Place } from "./labels";
import { userListKey } from "./login";
import { everyPod, resources, restrictedContainer, restrictedPod } from "./pod";
import { poolerConfiguration, poolerPort } from "./pooler-configuration";
import type { ServerAccess } from "./server-access";
import { createSingleton } from "./singleton";

/** Host name of the pooler inside the target namespace. */
export const poolerHost = "pooler";

/** User and group of the server in the image. */
const poolerUser = 70;

const folders = { configuration: "/etc/pgbouncer", login: "/secrets/login" };

/** Arguments of a {@link Pooler}. */
export interface PoolerArgs extends Place {
    /** Image with the program `pgbouncer`, 1.18 or later. */
    image: string;
    minPoolSize: number;
    maxConnections: number;
    /** Where the server of the databases answers. */
    server: Pick<ServerAccess, "host" | "port">;
    /** Live names of the databases. */
    databases: string[];
    /** Copies of the data; the pooler knows the login role of the database's alone. */
    generations: Generations;
    /** Secret with that role's password. */
    loginSecret: string;
}

/**
 * A pgBouncer between the application and the database. It lets in, and logs in as, the role of one generation: its
 * pods name that generation, so that another copy replaces them before the application's own.
 */
export class Pooler extends pulumi.ComponentResource {
    constructor(name: string, args: PoolerArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:Pooler", name, {}, options);
        const component = "pooler";
        const data = {
            "pgbouncer.ini": poolerConfiguration({
                ...args,
                userList: `${folders.login}/${userListKey}`,
            }),
        };

        const configuration = new kubernetes.core.v1.ConfigMap(
            `${name}-configuration`,
            { metadata: { name: poolerHost, namespace: args.namespace, labels: labels(args, component) }, data },
            { parent: this },
        );
        const server = {
            component,
            host: poolerHost,
            strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
            annotations: {
                "understudy/database-generation": args.generations.database,
                // The program reads its configuration once.
                "understudy/configuration": digest(data),
            },
            pod: serverPod(args),
            ports: { postgres: poolerPort },
        };
        createSingleton(name, args, server, this, [configuration]);
        this.registerOutputs();
    }
}

function serverPod(args: PoolerArgs) {
    const answers = { tcpSocket: { port: "postgres" } };
    return {
        ...everyPod(args),
        securityContext: restrictedPod(poolerUser, poolerUser),
        containers: [
            {
                name: "pgbouncer",
                image: args.image,
                command: ["pgbouncer", `${folders.configuration}/pgbouncer.ini`],
                ports: [{ name: "postgres", containerPort: poolerPort }],
                securityContext: restrictedContainer,
                resources: resources("16Mi", "128Mi"),
                startupProbe: { ...answers, periodSeconds: 1, failureThreshold: 300 },
                readinessProbe: { ...answers, periodSeconds: 5 },
                volumeMounts: [
                    { name: "configuration", mountPath: folders.configuration, readOnly: true },
                    { name: "login", mountPath: folders.login, readOnly: true },
                ],
            },
        ],
        volumes: [
            { name: "configuration", configMap: { name: poolerHost } },
            {
                name: "login",
                secret: { secretName: args.loginSecret, items: [{ key: userListKey, path: userListKey }] },
            },
        ],
    };
}
