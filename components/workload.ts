import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { ApplicationSettings } from "../settings/application";
import type { HostAlias } from "./aliases";
import type { ApplicationArgs } from "./application-args";
import { bannerOf } from "./banner";
import { environment } from "./environment";
import { generationAnnotations, labels, selector } from "./labels";
import { mediaMount, sharedMediaMount } from "./media";
import { everyPod, mediaGroup, resources, restrictedContainer, restrictedPod } from "./pod";

/** What each part of the application is told. */
export interface WorkloadArgs extends ApplicationArgs {
    /** Addresses that its pods take names for. */
    hosts: HostAlias[];
}

/** One part of the application: its web server, or one of its workers. */
export interface Part {
    /** Name of its objects, and its component in their labels. */
    name: string;
    kind: "Deployment" | "StatefulSet";
    /** Program and arguments; the image's own if left out. */
    command: string[] | undefined;
    replicas: number;
    /** Whether it mounts the media. */
    media: boolean;
    /** Whether there must never be two at a time. */
    single: boolean;
    /** Whether it answers requests. */
    serves: boolean;
}

/**
 * The pods of one part of the application, on the replica's data. They name both generations, so they are replaced
 * exactly when the data is, and log in with the role of their own generation: a pod of a former one cannot write into
 * the next.
 */
export function createWorkload(
    name: string,
    args: WorkloadArgs,
    part: Part,
    options: pulumi.CustomResourceOptions,
): kubernetes.apps.v1.Deployment | kubernetes.apps.v1.StatefulSet {
    const metadata = { name: part.name, namespace: args.namespace, labels: labels(args, part.name) };
    const common = {
        replicas: part.replicas,
        selector: { matchLabels: selector(args, part.name) },
        // A worker cannot be asked whether it is well: it is up when it has run for a while.
        ...(!part.serves && { minReadySeconds: 10 }),
        template: podTemplate(args, part),
    };
    if (part.kind === "StatefulSet") {
        // In the default order, a pod that cannot start would have to be deleted by hand before a corrected one comes.
        const spec = { ...common, serviceName: part.name, podManagementPolicy: "Parallel" };
        return new kubernetes.apps.v1.StatefulSet(`${name}-statefulset`, { metadata, spec }, options);
    }
    const strategy = part.single ? { type: "Recreate" } : { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
    const spec = { ...common, strategy, progressDeadlineSeconds: 300 };
    return new kubernetes.apps.v1.Deployment(`${name}-deployment`, { metadata, spec }, options);
}

function podTemplate(args: WorkloadArgs, part: Part) {
    const { settings, generations, placement, hosts } = args;
    const { memoryRequest, memoryLimit, cpuRequest } = settings.resources;
    const media = part.media ? mediaOf(args) : undefined;
    const banner = part.serves && settings.banner.enabled ? bannerOf(args) : undefined;
    return {
        metadata: {
            labels: { ...labels(args, part.name), ...(media?.isOwn && placement.labels) },
            annotations: {
                ...generationAnnotations(generations),
                ...(settings.restart !== undefined && { "understudy/restart": settings.restart }),
                ...banner?.annotations,
            },
        },
        spec: {
            ...everyPod(args),
            ...(hosts.length > 0 && { hostAliases: hosts }),
            securityContext: restrictedPod(settings.user, settings.user, [mediaGroup]),
            ...(media?.isOwn && placement.affinity !== undefined && { affinity: placement.affinity }),
            ...(media?.guard && { initContainers: [media.guard] }),
            containers: [
                {
                    name: part.name,
                    image: args.image,
                    ...(part.command !== undefined && { command: part.command }),
                    env: environment(args),
                    ...(part.serves && serving(settings)),
                    securityContext: restrictedContainer,
                    resources: resources(memoryRequest, memoryLimit, cpuRequest),
                    volumeMounts: [...(media ? [media.mount] : []), { name: "tmp", mountPath: "/tmp" }],
                },
                ...(banner ? [banner.container] : []),
            ],
            volumes: [...(media ? [media.volume] : []), { name: "tmp", emptyDir: {} }, ...(banner?.volumes ?? [])],
        },
    };
}

/** The media as a part sees them. */
function mediaOf({ settings, generations, media }: ApplicationArgs) {
    return media === undefined
        ? mediaMount(settings.mediaPath, generations.media)
        : sharedMediaMount(settings.mediaPath, media);
}

/** The port of a part that answers requests, by itself or through the banner's nginx, and the page that says whether it is well. */
function serving({ port, health, banner }: ApplicationSettings) {
    const name = banner.enabled ? "application" : "http";
    // A page that is late on a busy node is no reason to serve nobody: it is the only pod.
    const probe = { httpGet: { path: health, port: name }, timeoutSeconds: 5 };
    return {
        ports: [{ name, containerPort: port }],
        startupProbe: { ...probe, periodSeconds: 1, failureThreshold: 300 },
        readinessProbe: { ...probe, periodSeconds: 2 },
    };
}
