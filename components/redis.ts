import * as pulumi from "@pulumi/pulumi";
import type { Generations } from "./generations";
import { generationAnnotations, type Place } from "./labels";
import { everyPod, resources, restrictedContainer, restrictedPod } from "./pod";
import { createSingleton, recreate } from "./singleton";

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
        const annotations = generationAnnotations(args.generations);
        const ports = { redis: redisPort };
        const server = {
            component: "redis",
            host: redisHost,
            strategy: recreate,
            annotations,
            pod: serverPod(args),
            ports,
        };
        createSingleton(name, args, server, this);
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
