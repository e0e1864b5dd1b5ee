import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ApplicationSettings } from "../settings/application";
import { applicationName } from "./address";
import { Aliases, type HostAlias } from "./aliases";
import type { ApplicationArgs } from "./application-args";
import { createBanner } from "./banner";
import { createIngress } from "./ingress";
import { labels, selector } from "./labels";
import { MailSink } from "./mail";
import { skipAwait } from "./pod";
import { Pooler } from "./pooler";
import { Redis } from "./redis";
import { createSecrets } from "./secrets";
import { createWorkload, type Part } from "./workload";

/**
 * Production's application on the replica's data: its web part, which may change the database's schema when it starts,
 * then its workers. What they queue work in is emptied before, and the way to the database is theirs by then, as is the
 * one that mail takes.
 */
export class Application extends pulumi.ComponentResource {
    constructor(name: string, args: ApplicationArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:Application", name, {}, options);
        const { settings, mail } = args;

        const first: pulumi.Resource[] = [];
        if (settings.redis !== undefined) {
            first.push(new Redis(`${name}-redis`, { ...args, image: settings.redis.image }, { parent: this }));
        }
        if (settings.pooler !== undefined) {
            first.push(new Pooler(`${name}-pooler`, { ...args, ...settings.pooler }, { parent: this }));
        }
        if (mail.mode !== "off") {
            first.push(new MailSink(`${name}-mail`, { ...args, settings: mail }, { parent: this }));
        }
        if (settings.secrets.length > 0) {
            first.push(createSecrets(`${name}-secret`, args, settings.secrets, this));
        }
        if (settings.banner.enabled) {
            first.push(createBanner(`${name}-banner`, args, { parent: this }));
        }
        const hosts: HostAlias[] = [];
        if (Object.keys(settings.aliases).length > 0) {
            const aliases = new Aliases(`${name}-alias`, args, { parent: this });
            hosts.push(...aliases.hosts);
            first.push(aliases);
        }
        const told = { ...args, hosts };
        const web = createWorkload(name, told, webPart(settings), { parent: this, dependsOn: first });
        const service = createService(`${name}-service`, args, { parent: this, dependsOn: [web] });
        if (settings.ingress !== undefined) {
            createIngress(`${name}-ingress`, args, settings.ingress, { parent: this, dependsOn: [service] });
        }
        for (const part of workerParts(settings)) {
            createWorkload(`${name}-${part.name}`, told, part, { parent: this, dependsOn: [web] });
        }
        this.registerOutputs();
    }
}

function webPart({ workload, command, replicas }: ApplicationSettings): Part {
    return { name: applicationName, kind: workload, command, replicas, media: true, single: false, serves: true };
}

function workerParts({ workers }: ApplicationSettings): Part[] {
    return Object.entries(workers).map(([name, worker]) => ({ ...worker, name, kind: "Deployment", serves: false }));
}

function createService(name: string, args: ApplicationArgs, options: pulumi.CustomResourceOptions) {
    const { nodePort } = args.settings;
    return new kubernetes.core.v1.Service(
        name,
        {
            metadata: {
                name: applicationName,
                namespace: args.namespace,
                labels: labels(args, applicationName),
                annotations: skipAwait,
            },
            spec: {
                type: nodePort === undefined ? "ClusterIP" : "NodePort",
                selector: selector(args, applicationName),
                ports: [{ name: "http", port: 80, targetPort: "http", ...(nodePort !== undefined && { nodePort }) }],
            },
        },
        options,
    );
}
