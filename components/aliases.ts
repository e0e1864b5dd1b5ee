/** Names that the application is used to, as names of the replica's own parts. */
import { isIP } from "node:net";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { postgres } from "../contract";
import { type AliasTarget, isDotted } from "../settings/aliases";
import type { ApplicationArgs } from "./application-args";
import { digest } from "./digest";
import { labels, selector } from "./labels";
import { mailPorts } from "./mail-configuration";
import { skipAwait } from "./pod";
import { poolerPort } from "./pooler-configuration";
import { redisPort } from "./redis";
import { databaseHost } from "./server-access";

/** An address and the names that a pod takes for it. */
export interface HostAlias {
    ip: pulumi.Input<string>;
    hostnames: string[];
}

/** The ports at which a part answers. */
const ports: Record<AliasTarget, { name: string; port: number; targetPort?: string }[]> = {
    application: [{ name: "http", port: 80, targetPort: "http" }],
    database: [{ name: "postgres", port: postgres.port }],
    // Production's mail server has one of the usual ones.
    mail: [25, 587, mailPorts.smtp].map((port) => ({ name: `smtp-${port}`, port, targetPort: "smtp" })),
    pooler: [{ name: "postgres", port: poolerPort }],
    redis: [{ name: "redis", port: redisPort }],
};

/**
 * A Service for each name, with the pods and the ports of what it stands for. A name with dots is none that the cluster
 * would look for in the namespace, so that the application's pods are told its address.
 */
export class Aliases extends pulumi.ComponentResource {
    /** What the pods have to be told. */
    readonly hosts: HostAlias[];

    constructor(name: string, args: ApplicationArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:Aliases", name, {}, options);
        const { settings, server } = args;
        this.hosts = Object.entries(settings.aliases).flatMap(([alias, target]): HostAlias[] => {
            if (target === "database" && isIP(server.host) !== 0) {
                return [{ ip: server.host, hostnames: [alias] }];
            }
            const service = createService(`${name}-${alias}`, args, alias, target, { parent: this });
            return isDotted(alias) ? [{ ip: service.spec.clusterIP, hostnames: [alias] }] : [];
        });
        this.registerOutputs();
    }
}

function createService(
    name: string,
    args: ApplicationArgs,
    alias: string,
    target: AliasTarget,
    options: pulumi.CustomResourceOptions,
) {
    const { host } = args.server;
    return new kubernetes.core.v1.Service(
        name,
        {
            metadata: {
                name: isDotted(alias) ? `alias-${digest({ alias })}` : alias,
                namespace: args.namespace,
                labels: labels(args, "alias"),
                annotations: { ...skipAwait, "understudy/alias": alias },
            },
            spec:
                target === "database" && host !== databaseHost
                    ? { type: "ExternalName", externalName: host }
                    : { selector: selector(args, target), ports: ports[target] },
        },
        options,
    );
}
