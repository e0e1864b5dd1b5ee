import * as pulumi from "@pulumi/pulumi";
import type { Command } from "../contract";
import type { Live } from "../contract/event";
import { hooksOf } from "../contract/hooks";
import type { Settings } from "../settings";
import type { ApplicationSettings } from "../settings/application";
import type { Store } from "../settings/store";
import { publicUrl } from "./address";
import { Agent, AgentJob, type AgentJobArgs } from "./agent";
import { Application } from "./application";
import { DatabaseServer } from "./database";
import { type Generations, generationsOf, reasonsOf } from "./generations";
import { hooksPlanOf, hooksVolume, reasonsOfHooks } from "./hooks";
import { createLogin, createPassword } from "./login";
import { createMaskingKey, maskingSecret } from "./masking";
import { planOf } from "./plan";
import { mediaPlacement } from "./pod";
import { createReport } from "./report";
import { serverOf } from "./server-access";
import { Target } from "./target";
import { broughtClaims, type Content, ReplicaVolume, type ReplicaVolumeArgs, SourceVolume } from "./volumes";

/** Arguments of a {@link Replica}. */
export interface ReplicaArgs {
    /** `<project>/<stack>`: the marker that everything of this replica carries. */
    stack: string;
    settings: Settings;
    /** The agent's program, one JavaScript file. */
    program: string;
    /** SQL that marks the replica's server when it is first made. */
    initialSql: string;
    /** Reads what the last switch has told of what is live; undefined if it cannot be read. */
    readLive(): Promise<Live | undefined>;
    /** Superuser's password that a kept database volume expects; a new one is made if left out. */
    keptPassword?: pulumi.Output<string>;
}

/**
 * A replica of a production stack: its own database server, unless a server is brought, its own media volume, unless
 * production's files are shared, generations of production's data on them, and production's application on top, if the
 * stack file says how it is run. What is refreshed is made and proven beside what is in use, and a failure anywhere leaves
 * what is in use alone.
 *
 * @example
 * new Replica("replica", { stack: "understudy/staging", settings, program: await bundle(), initialSql });
 */
export class Replica extends pulumi.ComponentResource {
    /** Address of the application: outside of the cluster if it has an Ingress, else inside; undefined without one. */
    readonly url: string | undefined;
    /** Ids of the copies that it is made of. */
    readonly generations: Generations;
    /** Name of the Secret with the password of the database's login role, or of the superuser on a server that is brought, key `password`. */
    readonly databaseSecret: string;
    /** What is live and what its refresh came to: unknown in a preview of another one. */
    readonly live: pulumi.Output<Live | undefined>;

    constructor(name: string, args: ReplicaArgs, options?: pulumi.ComponentResourceOptions) {
        super("understudy:index:Replica", name, {}, options);
        const { settings } = args;
        const { namespace, pullSecret } = settings.target;
        const place = { stack: args.stack, namespace, pullSecret };
        const generations = generationsOf(settings);
        const reasons = reasonsOf(settings, generations);
        const placement = mediaPlacement(args.stack, settings.media);
        const isCopied = settings.media.mode === "copy";
        const keep = { database: !settings.removeDatabaseVolume, media: isCopied && !settings.removeMediaVolume };

        const target = createTarget(this);
        const within = { parent: this, provider: target.provider, dependsOn: [target] };
        const volumes = createVolumes();
        const password = createPassword(this, args.keptPassword);
        const server = createServer();
        const login = createLogin(place, settings.database.name, generations.database, password, within);
        const masking = settings.masking === undefined ? [] : [createMaskingKey(place, password, within)];
        const agent = new Agent(
            "agent",
            { ...place, program: args.program, plan: planOf(settings, args.stack) },
            within,
        );

        const prepareDatabase = createPrepareDatabase();
        const prepareMedia = createPrepareMedia();
        const switched = createSwitch();
        // Without an application, the switch is the last that anybody waits for.
        const used =
            settings.application === undefined ? switched : createSmoke(createApplication(settings.application));
        const retired = createRetire();

        // Which backup `latest` was, the switch alone can tell.
        this.live = switched.ended.apply(() => args.readLive());
        createReport(place, this.live, { ...within, dependsOn: [retired] });
        this.url = publicUrl(settings);
        this.generations = generations;
        this.databaseSecret = login.secretName;
        this.registerOutputs();

        function createTarget(parent: Replica) {
            const { context, podSecurity } = settings.target;
            const brought = broughtClaims(settings.source).length > 0;
            return new Target(
                "target",
                { ...place, context, podSecurity, keep: keep.database || keep.media || brought },
                { parent },
            );
        }

        function createVolumes() {
            const { source, database, media } = settings;
            return {
                backups: createSource("database", source.database),
                files: createSource("media", source.media),
                database:
                    database.volume === undefined ? [] : [createVolume("database", database.volume, "ReadWriteOnce")],
                media: media.mode === "copy" ? [createVolume("media", media.volume, media.accessMode)] : [],
            };
        }

        function createVolume(holds: Content, size: string, accessMode: ReplicaVolumeArgs["accessMode"]) {
            const { storageClass } = settings.target;
            return new ReplicaVolume(
                `${holds}-volume`,
                { ...place, holds, size, storageClass, accessMode, keep: keep[holds] },
                within,
            );
        }

        /** A brought claim is there without us, and a bucket is read without a volume. */
        function createSource(holds: Content, store: Store) {
            return store.claim === undefined && store.s3 === undefined
                ? [new SourceVolume(`source-${holds}`, { ...place, holds, store }, within)]
                : [];
        }

        /** A server that is brought is there without us. */
        function createServer() {
            const { image, server } = settings.database;
            const { initialSql } = args;
            const serverArgs = { ...place, image, password, initialSql, keep: keep.database };
            return server === undefined
                ? [new DatabaseServer("database", serverArgs, { ...within, dependsOn: volumes.database })]
                : [];
        }

        function createPrepareDatabase() {
            return job("prepare-database", [...server, agent, login.secret, ...masking, ...volumes.backups], {
                generations: [generations.database],
                because: reasons.database,
                image: settings.database.image,
                timeout: settings.database.timeout,
            });
        }

        function createPrepareMedia() {
            return job("prepare-media", [agent, ...volumes.files, ...volumes.media], {
                generations: [generations.media],
                because: reasons.media,
                timeout: settings.media.mode === "copy" ? settings.media.timeout : 300,
            });
        }

        function createSwitch() {
            const { media } = settings;
            return job("switch", [prepareDatabase, prepareMedia], {
                generations: [generations.database, generations.media],
                because: { ...reasons.database, ...reasons.media },
                // All rows and all files are looked through before.
                timeout: media.mode === "copy" && media.references !== undefined ? 1800 : 300,
            });
        }

        function createApplication(application: ApplicationSettings) {
            return new Application(
                "application",
                {
                    ...place,
                    image: `${settings.image}:${settings.imageTag}`,
                    settings: application,
                    server: serverOf(settings.database),
                    databases: [settings.database.name, ...settings.database.others.map(({ name }) => name)],
                    generations,
                    media: isCopied ? undefined : settings.source.media,
                    loginSecret: login.secretName,
                    placement,
                },
                { ...within, dependsOn: [switched] },
            );
        }

        function createSmoke(application: Application) {
            return job("smoke", [application], {
                generations: [generations.database, generations.media],
                because: { ...reasons.database, ...reasons.media, image: `${settings.image}:${settings.imageTag}` },
                timeout: 180,
            });
        }

        function createRetire() {
            const { database, media } = settings;
            return job("retire", [used], {
                generations: [generations.database, generations.media],
                because: {
                    ...reasons.database,
                    ...reasons.media,
                    "keep-generations":
                        `database ${database.keepGenerations}` +
                        (media.mode === "copy" ? `, media ${media.keepGenerations}` : ""),
                    ...(database.keepBase && { "keep-base": "true" }),
                },
                timeout: 600,
            });
        }

        function job(
            command: Command,
            dependsOn: pulumi.Resource[],
            more: Pick<AgentJobArgs, "generations" | "because" | "image" | "timeout">,
        ) {
            const { source, media, database } = settings;
            const secrets = { adminSecret: serverOf(database).passwordSecret, loginSecret: login.secretName };
            const keepsOwners = media.mode === "copy" && media.owners === "production";
            const ofMedia = { source, isShared: !isCopied, keepsOwners };
            const ofMasking = masking.length > 0 ? { maskingSecret } : {};
            const ofHooks = {
                generations: [...more.generations, ...hooksOf(command, hooksPlanOf(settings))],
                because: { ...more.because, ...reasonsOfHooks(command, settings) },
                hooks: hooksVolume(command, settings),
            };
            const jobArgs = { ...place, ...more, ...secrets, ...ofMedia, ...ofMasking, ...ofHooks, command, placement };
            return new AgentJob(command, jobArgs, { ...within, dependsOn });
        }
    }
}
