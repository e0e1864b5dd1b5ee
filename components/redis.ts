import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Generations } from "./generations";
import { generationAnnotations, labels, type Place, selector } from "./labels";
import { everyPod, resources, restrictedContainer, restrictedPod, skipAwait } from "./pod";

/** Host name of the server inside the target namespace. */
export const redisHost = "redis";

/** Redis's own port. */
export const redisPort = 6379;

/** User and group of the server in the official image. */
const redisUser = 999;

/** Nothing is written to disk, so that no pod finds what another has left. */
const forgetful = ["--save", "", "--appendonly", "no"];

/** Arguments of a {@link Redis}. */
export interface RedisArgs extends Place {
    /** Official image, for example `redis:7-bookworm`. */
    image: string;
    /** Copies of production's data whose work is queued in it. */
    generations: Generations;
}

/**
 * A Redis that remembers nothing. What is queued or cached in it belongs to one copy of the data: its pod names the
 * generations, so that another copy finds it empty. Pods of the former copy reach it too until they are replaced, but
 * the database does not let them in.
 */
export class Redis extends pulumi.ComponentResource {
    constructor(name: string, args: RedisArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:Redis", name, {}, options);
        const component = "redis";
        const metadata = { name: redisHost, namespace: args.namespace, labels: labels(args, component) };

        const server = new kubernetes.apps.v1.Deployment(
            `${name}-server`,
            {
                metadata,
                spec: {
                    replicas: 1,
                    selector: { matchLabels: selector(args, component) },
                    // Beside a new one, the former would go on handing out what is queued in it.
                    strategy: { type: "Recreate" },
                    progressDeadlineSeconds: 300,
                    template: {
                        metadata: {
                            labels: labels(args, component),
                            annotations: generationAnnotations(args.generations),
                        },
                        spec: serverPod(args),
                    },
                },
            },
            { parent: this },
        );
        new kubernetes.core.v1.Service(
            `${name}-service`,
            {
                metadata: { ...metadata, annotations: skipAwait },
                spec: { selector: selector(args, component), ports: [{ name: "redis", port: redisPort }] },
            },
            { parent: this, dependsOn: [server] },
        );
        this.registerOutputs();
    }
}

function serverPod(args: RedisArgs) {
    const answers = { tcpSocket: { port: "redis" } };
    return {
        ...everyPod(args),
        securityContext: restrictedPod(redisUser, redisUser),
        containers: [
            {
                name: "redis",
                image: args.image,
                // There is no password, and the protected mode would turn away everybody outside of the pod.
                command: ["redis-server", ...forgetful, "--dir", "/data", "--protected-mode", "no"],
                ports: [{ name: "redis", containerPort: redisPort }],
                securityContext: restrictedContainer,
                resources: resources("16Mi", "512Mi"),
                startupProbe: { ...answers, periodSeconds: 1, failureThreshold: 300 },
                readinessProbe: { ...answers, periodSeconds: 5 },
                volumeMounts: [{ name: "data", mountPath: "/data" }],
            },
        ],
        volumes: [{ name: "data", emptyDir: {} }],
    };
}
