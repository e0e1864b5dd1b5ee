/** The nginx beside the application's web part: it puts a bar into every page that says whose copy it is. */
import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Live } from "../contract/event";
import type { ApplicationSettings } from "../settings/application";
import type { ApplicationArgs } from "./application-args";
import { bannerCommand, bannerConfiguration, bannerFolders } from "./banner-configuration";
import { digest } from "./digest";
import type { Generations } from "./generations";
import { labels } from "./labels";
import { resources, restrictedContainer } from "./pod";

/** Name of the ConfigMap with nginx's files: a pod of the former copy must not find what is said of the next. */
function configMapName({ database, media }: Generations): string {
    return `banner-${database}-${media}`;
}

/** What there is to know about a copy, as far as the bar tells it. */
export interface BannerTextArgs {
    /** `<project>/<stack>`. */
    stack: string;
    imageTag: string;
    contact: string | undefined;
    /** What is live; nobody could read it if undefined. */
    live: Live | undefined;
}

/** What the bar says: nothing that is not known for certain. */
export function bannerText({ stack, imageTag, contact, live }: BannerTextArgs): string {
    const stamp = live?.database.report?.stamp;
    const published = live?.media.report?.published;
    const copied = live?.media.completed ?? undefined;
    return [
        `Copy of production: ${stack.replace(/^.*\//, "")}`,
        ...(stamp === undefined ? [] : [`data of ${moment(stamp)}`]),
        ...(published === undefined ? [] : [`files of ${moment(published)}`]),
        ...(published !== undefined || copied === undefined ? [] : [`files copied ${moment(copied)}`]),
        `image tag ${imageTag}`,
        ...(contact === undefined ? [] : [`ask ${contact}`]),
    ].join(" · ");
}

/** An ISO time to the minute. */
function moment(time: string): string {
    return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}

/** Creates the ConfigMap with nginx's files. */
export function createBanner(
    name: string,
    args: ApplicationArgs,
    options: pulumi.CustomResourceOptions,
): kubernetes.core.v1.ConfigMap {
    const called = configMapName(args.generations);
    const metadata = { name: called, namespace: args.namespace, labels: labels(args, "banner") };
    return new kubernetes.core.v1.ConfigMap(name, { metadata, data: filesOf(args) }, options);
}

/** What it adds to a pod of the web part, whose port for the Service it takes. */
export function bannerOf(args: ApplicationArgs) {
    const answers = { tcpSocket: { port: "http" } };
    return {
        // nginx reads its configuration once.
        annotations: { "understudy/banner": filesOf(args).apply(digest) },
        container: {
            name: "banner",
            image: args.settings.banner.image,
            command: bannerCommand(bannerFolders),
            ports: [{ name: "http", containerPort: bannerPort(args.settings) }],
            startupProbe: { ...answers, periodSeconds: 1, failureThreshold: 300 },
            readinessProbe: { ...answers, periodSeconds: 5 },
            securityContext: restrictedContainer,
            resources: resources("16Mi", "256Mi"),
            volumeMounts: [
                { name: "banner", mountPath: bannerFolders.configuration, readOnly: true },
                { name: "banner-tmp", mountPath: bannerFolders.temporary },
            ],
        },
        volumes: [
            { name: "banner", configMap: { name: configMapName(args.generations) } },
            { name: "banner-tmp", emptyDir: {} },
        ],
    };
}

function filesOf({ stack, imageTag, settings, live }: ApplicationArgs): pulumi.Output<Record<string, string>> {
    const { contact } = settings.banner;
    const port = bannerPort(settings);
    return live.apply((known) => {
        const text = bannerText({ stack, imageTag, contact, live: known });
        return bannerConfiguration({ text, port, applicationPort: settings.port });
    });
}

/** Both listen in one pod. */
function bannerPort({ port }: ApplicationSettings): number {
    return port === 18080 ? 18081 : 18080;
}
