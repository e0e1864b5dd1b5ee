import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { catalogueConfigMap } from "../contract/manifest";
import type { PublisherCommand } from "../contract/publication";
import type { MediaSettings, PublisherSettings } from "../settings/publisher";
import { type AgentFolder, agentPod } from "./agent-pod";
import { bucketAccess } from "./bucket";
import { labels, type Place } from "./labels";
import { agentUser, mediaGroup, restrictedPod } from "./pod";
import { passwordFile, publicationOf, publisherFolders } from "./publication";
import { PublisherAccount, publisherAccount } from "./publisher-account";

/** ConfigMap with the agent's program and its plan, in production's namespace. */
const configMapName = "understudy-publisher";

/** Seconds that reading the whole store again may take. */
const verifyTimeout = 12 * 3600;

/** Arguments of a {@link Publisher}. */
export interface PublisherArgs {
    /** `<project>/<stack>`. */
    stack: string;
    settings: PublisherSettings;
    /** The agent's program, one JavaScript file. */
    program: string;
}

/**
 * Production's side: a schedule that makes backups with manifests, keeps them in tiers and lists them, and another one
 * that reads all of them again; the same for the media and their store where they are to be published. The namespace is
 * production's own, and nothing in it but what is made here is touched.
 *
 * @example
 * new Publisher("publisher", { stack: "understudy/production", settings, program: await bundle() });
 */
export class Publisher extends pulumi.ComponentResource {
    constructor(name: string, args: PublisherArgs, options?: pulumi.ComponentResourceOptions) {
        super("understudy:index:Publisher", name, {}, options);
        const { settings } = args;
        const { context, namespace, workload, pullSecret } = settings.source;
        const place = { stack: args.stack, namespace, pullSecret };
        const provider = new kubernetes.Provider(
            `${name}-cluster`,
            // What is there already is somebody else's: nothing is taken over.
            { context, clusterIdentifier: context, enableConfigMapMutable: true },
            { parent: this },
        );
        const within = { parent: this, provider };
        const account = new PublisherAccount(`${name}-account`, { ...place, workload }, within);
        const program = createProgram();
        const catalogue = createCatalogue();
        createSchedule("publish", settings.schedule, settings.database.timeout);
        createSchedule("verify-store", settings.verifySchedule, verifyTimeout);
        if (settings.media !== undefined) {
            createSchedule("publish-media", settings.media.schedule, settings.media.timeout);
            createSchedule("verify-media", settings.media.verifySchedule, verifyTimeout);
        }
        this.registerOutputs();

        function createProgram() {
            const plan = JSON.stringify(publicationOf(settings), undefined, 2);
            return new kubernetes.core.v1.ConfigMap(
                `${name}-program`,
                {
                    metadata: { name: configMapName, namespace, labels: labels(place, "publisher") },
                    data: { "agent.cjs": args.program, "plan.json": plan },
                },
                // The program's text says nothing to the reader of a diff.
                { ...within, hideDiffs: ['data["agent.cjs"]'] },
            );
        }

        /** Empty at first: a role can be bound to one name only if the object is there. */
        function createCatalogue() {
            return new kubernetes.core.v1.ConfigMap(
                `${name}-catalogue`,
                { metadata: { name: catalogueConfigMap, namespace, labels: labels(place, "publisher") } },
                { ...within, ignoreChanges: ["data"] },
            );
        }

        function createSchedule(command: PublisherCommand, schedule: string, timeout: number) {
            new kubernetes.batch.v1.CronJob(
                `${name}-${command}`,
                cronJobOf({ ...place, command, schedule, timeout, settings }),
                { ...within, dependsOn: [account, program, catalogue] },
            );
        }
    }
}

/** What there is to say of one of the schedules. */
interface Schedule extends Place {
    command: PublisherCommand;
    schedule: string;
    /** Seconds that a run may take in all. */
    timeout: number;
    settings: PublisherSettings;
}

function cronJobOf(args: Schedule) {
    const { command, schedule, timeout, namespace } = args;
    const metadata = { labels: labels(args, command) };
    return {
        metadata: { ...metadata, name: `understudy-${command}`, namespace },
        spec: {
            schedule,
            timeZone: "Etc/UTC",
            concurrencyPolicy: "Forbid",
            startingDeadlineSeconds: 180,
            successfulJobsHistoryLimit: 1,
            jobTemplate: {
                metadata,
                spec: {
                    backoffLimit: 1,
                    activeDeadlineSeconds: timeout,
                    template: { metadata, spec: podOf(args) },
                },
            },
        },
    };
}

function podOf(args: Schedule) {
    const { media } = args.settings;
    const isMedia = args.command === "publish-media" || args.command === "verify-media";
    return isMedia && media !== undefined ? mediaPod(args, media) : backupPod(args);
}

/** Neither gets a password; who reads the store again does not get to see production's files, and no token. */
function mediaPod({ command, pullSecret }: Schedule, { claim, store, offsite }: MediaSettings) {
    const source: AgentFolder = {
        name: "media",
        mountPath: publisherFolders.media,
        readOnly: true,
        volume: { persistentVolumeClaim: { claimName: claim, readOnly: true } },
    };
    const target: AgentFolder = {
        name: "media-store",
        mountPath: publisherFolders.mediaStore,
        readOnly: false,
        volume: { persistentVolumeClaim: { claimName: store } },
    };
    const publishes = command === "publish-media";
    return {
        ...agentPod({
            ...{ command, pullSecret, configMap: configMapName, fileCalls: 256 },
            folders: publishes ? [source, target] : [target],
            bucket: publishes && offsite ? bucketAccess(offsite, "offsite") : undefined,
            // No fsGroup: it would change owners, and on production's volume nothing may be changed.
            securityContext: restrictedPod(agentUser, mediaGroup),
        }),
        ...(publishes && withAccount),
    };
}

/** Who tells the cluster what was published needs its own way there. */
const withAccount = { serviceAccountName: publisherAccount, automountServiceAccountToken: true };

/** Only who makes backups gets a password and a way to anywhere; who reads them needs neither. */
function backupPod({ command, settings, pullSecret }: Schedule) {
    const { image, passwordSecret, passwordKey } = settings.database;
    const store: AgentFolder = {
        name: "store",
        mountPath: publisherFolders.store,
        readOnly: false,
        volume: { persistentVolumeClaim: { claimName: settings.store.claim } },
    };
    const password: AgentFolder = {
        name: "password",
        mountPath: publisherFolders.password,
        readOnly: true,
        volume: { secret: { secretName: passwordSecret, items: [{ key: passwordKey, path: passwordFile }] } },
    };
    const publishes = command === "publish";
    return {
        ...agentPod({
            ...{ command, pullSecret, configMap: configMapName },
            image: publishes ? image : undefined,
            folders: publishes ? [store, password] : [store],
            bucket: publishes && settings.offsite ? bucketAccess(settings.offsite, "offsite") : undefined,
            securityContext: {
                ...restrictedPod(agentUser, mediaGroup),
                // The store is the publisher's to write to, also where the claim is new and root's.
                ...{ fsGroup: mediaGroup, fsGroupChangePolicy: "OnRootMismatch" },
            },
        }),
        ...(publishes && withAccount),
    };
}
