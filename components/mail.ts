import * as pulumi from "@pulumi/pulumi";
import type { MailSettings } from "../settings/mail";
import type { Place } from "./labels";
import { mailFolder, mailHost, mailPorts, reachablePorts, relaySecrets, sinkVariables } from "./mail-configuration";
import { everyPod, resources, restrictedContainer, restrictedPod } from "./pod";
import { createSingleton, recreate } from "./singleton";

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
        const ports = reachablePorts(args.settings);
        const server = { component: "mail", host: mailHost, strategy: recreate, pod: sinkPod(args), ports };
        createSingleton(name, args, server, this);
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
