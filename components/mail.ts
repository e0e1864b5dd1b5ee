import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { MailSettings } from "../settings/mail";
import { labels, type Place, selector } from "./labels";
import { mailFolder, mailHost, mailPorts, reachablePorts, relaySecrets, sinkVariables } from "./mail-configuration";
import { everyPod, resources, restrictedContainer, restrictedPod, skipAwait } from "./pod";

/** User and group of the sink, which exist in no image. */
const mailUser = 10002;

/** Arguments of a {@link MailSink}. */
export interface MailSinkArgs extends Place {
    settings: MailSettings;
}

/**
 * A Mailpit that takes all mail of the replica, and passes on what its mode lets out. It belongs to no copy of the data:
 * what it has caught stays while its pod does.
 */
export class MailSink extends pulumi.ComponentResource {
    constructor(name: string, args: MailSinkArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:MailSink", name, {}, options);
        const component = "mail";
        const metadata = { name: mailHost, namespace: args.namespace, labels: labels(args, component) };
        const ports = Object.entries(reachablePorts(args.settings)).map(([name, port]) => ({ name, port }));

        const server = new kubernetes.apps.v1.Deployment(
            `${name}-server`,
            {
                metadata,
                spec: {
                    replicas: 1,
                    selector: { matchLabels: selector(args, component) },
                    // Beside a new one, the former would go on passing on what its mode lets out.
                    strategy: { type: "Recreate" },
                    progressDeadlineSeconds: 300,
                    template: { metadata: { labels: labels(args, component) }, spec: sinkPod(args) },
                },
            },
            { parent: this },
        );
        new kubernetes.core.v1.Service(
            `${name}-service`,
            { metadata: { ...metadata, annotations: skipAwait }, spec: { selector: selector(args, component), ports } },
            { parent: this, dependsOn: [server] },
        );
        this.registerOutputs();
    }
}

function sinkPod(args: MailSinkArgs) {
    const { settings } = args;
    const well = { httpGet: { path: "/readyz", port: "http" } };
    return {
        ...everyPod(args),
        securityContext: restrictedPod(mailUser, mailUser),
        containers: [
            {
                name: "mailpit",
                image: settings.image,
                env: [
                    ...Object.entries(sinkVariables(settings)).map(([name, value]) => ({ name, value })),
                    ...relaySecrets(settings),
                ],
                ports: Object.entries(mailPorts).map(([name, containerPort]) => ({ name, containerPort })),
                securityContext: restrictedContainer,
                resources: resources("32Mi", "256Mi"),
                startupProbe: { ...well, periodSeconds: 1, failureThreshold: 300 },
                readinessProbe: { ...well, periodSeconds: 5 },
                volumeMounts: [{ name: "data", mountPath: mailFolder }],
            },
        ],
        // A pod that outgrows it is ended, and begins again with nothing.
        volumes: [{ name: "data", emptyDir: { sizeLimit: "1Gi" } }],
    };
}
