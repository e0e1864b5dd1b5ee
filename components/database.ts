import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { postgres, serverSettings } from "../contract";
import type { Credentials } from "./credentials";
import { labels, type Place, selector } from "./labels";
import { everyPod, resources, restrictedContainer, restrictedPod, skipAwait } from "./pod";
import { databaseHost, databaseSecret } from "./server-access";
import { replicaClaim } from "./volumes";

/** ConfigMap with the SQL that runs when the server is first made. */
const initialisationName = "database-initialisation";

/** User and group of the server in the official image. */
const postgresUser = 999;

/** Arguments of a {@link DatabaseServer}. */
export interface DatabaseServerArgs extends Place {
    /** Official image of production's major version, for example `postgres:15-bookworm`. */
    image: string;
    /** The superuser's password, and what it is derived from. */
    credentials: pulumi.Output<Credentials>;
    /** SQL that runs once, when the server is first made: the marker. */
    initialSql: string;
    /** Whether a wipe leaves the password's Secret in place, because it leaves the volume. */
    keep: boolean;
}

/** The replica's own PostgreSQL, empty but for the marker that says that it is a replica and whose. */
export class DatabaseServer extends pulumi.ComponentResource {
    constructor(name: string, args: DatabaseServerArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:DatabaseServer", name, {}, options);
        const component = "database";
        const metadata = { namespace: args.namespace, labels: labels(args, component) };

        const secret = new kubernetes.core.v1.Secret(
            `${name}-secret`,
            {
                metadata: { ...metadata, name: databaseSecret },
                stringData: args.credentials.apply((all) => ({ ...all })),
            },
            { parent: this, retainOnDelete: args.keep },
        );
        const initialisation = new kubernetes.core.v1.ConfigMap(
            `${name}-initialisation`,
            { metadata: { ...metadata, name: initialisationName }, data: { "marker.sql": args.initialSql } },
            { parent: this },
        );
        const server = new kubernetes.apps.v1.StatefulSet(
            `${name}-server`,
            {
                metadata: { ...metadata, name: component },
                spec: {
                    serviceName: databaseHost,
                    replicas: 1,
                    selector: { matchLabels: selector(args, component) },
                    template: {
                        metadata: { labels: labels(args, component) },
                        spec: serverPod(args),
                    },
                },
            },
            { parent: this, dependsOn: [secret, initialisation] },
        );
        new kubernetes.core.v1.Service(
            `${name}-service`,
            {
                metadata: { ...metadata, name: databaseHost, annotations: skipAwait },
                spec: { selector: selector(args, component), ports: [{ name: "postgres", port: postgres.port }] },
            },
            { parent: this, dependsOn: [server] },
        );
        this.registerOutputs();
    }
}

/** The server's pod. Only its data, its socket's folder and its temporary files can be written to. */
function serverPod(args: DatabaseServerArgs) {
    const ready = ["pg_isready", "--quiet", "--host=127.0.0.1", `--username=${postgres.user}`];
    return {
        ...everyPod(args),
        securityContext: { ...restrictedPod(postgresUser, postgresUser), fsGroup: postgresUser },
        // Long enough for a shutdown checkpoint: a server that is killed has to recover before anyone is served.
        terminationGracePeriodSeconds: 60,
        containers: [
            {
                name: "postgres",
                image: args.image,
                args: Object.entries(serverSettings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
                env: [
                    { name: "POSTGRES_PASSWORD_FILE", value: "/secrets/admin/password" },
                    // Below the volume's root, which may hold lost+found.
                    { name: "PGDATA", value: "/var/lib/postgresql/data/pgdata" },
                ],
                ports: [{ name: "postgres", containerPort: postgres.port }],
                securityContext: restrictedContainer,
                resources: resources("128Mi", "2Gi"),
                startupProbe: { exec: { command: ready }, periodSeconds: 1, failureThreshold: 600 },
                // Two programs that were run in containers every few seconds took a quarter of a node's two processors; on a
                // busy one they were late, which took the server away from the restore that kept it busy.
                readinessProbe: { tcpSocket: { port: "postgres" }, periodSeconds: 5, timeoutSeconds: 5 },
                volumeMounts: [
                    { name: "data", mountPath: "/var/lib/postgresql/data" },
                    { name: "admin", mountPath: "/secrets/admin", readOnly: true },
                    { name: "initialisation", mountPath: "/docker-entrypoint-initdb.d", readOnly: true },
                    { name: "run", mountPath: "/var/run/postgresql" },
                    { name: "tmp", mountPath: "/tmp" },
                ],
            },
        ],
        volumes: [
            { name: "data", persistentVolumeClaim: { claimName: replicaClaim("database") } },
            { name: "admin", secret: { secretName: databaseSecret, items: [{ key: "password", path: "password" }] } },
            { name: "initialisation", configMap: { name: initialisationName } },
            { name: "run", emptyDir: {} },
            { name: "tmp", emptyDir: {} },
        ],
    };
}
