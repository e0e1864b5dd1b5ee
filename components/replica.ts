import * as pulumi from "@pulumi/pulumi";
import type { Command } from "../contract";
import type { Live } from "../contract/event";
import type { HistoryEntry } from "../contract/history";
import type { Settings } from "../settings";
import type { ApplicationSettings } from "../settings/application";
import type { Store } from "../settings/store";
import { publicUrl } from "./address";
import { Agent, AgentJob } from "./agent";
import { Application } from "./application";
import { type Credentials, createCredentials } from "./credentials";
import { DatabaseServer } from "./database";
import { type Generations, generationsOf } from "./generations";
import { Isolation } from "./isolation";
import { jobsOf } from "./jobs";
import { createLogin } from "./login";
import { createMaskingKey } from "./masking";
import { planOf } from "./plan";
import { createReport } from "./report";
import { serverOf } from "./server-access";
import { suspend } from "./suspension";
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
    /** What former copies have come to; none are known if left out. */
    history?: HistoryEntry[];
    /** What the cluster has of the replica's credentials; new ones are made if left out. */
    keptCredentials?: pulumi.Output<Credentials>;
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
        const { settings } = args;
        const { suspended } = settings.lifecycle;
        super("understudy:index:Replica", name, {}, { ...options, ...(suspended && { transformations: [suspend] }) });
        const { namespace, pullSecret } = settings.target;
        const place = { stack: args.stack, namespace, pullSecret };
        const generations = generationsOf(settings);
        const jobs = jobsOf(settings, place);
        const isCopied = settings.media.mode === "copy";
        const keep = { database: !settings.removeDatabaseVolume, media: isCopied && !settings.removeMediaVolume };

        const target = createTarget(this);
        const isolation = new Isolation(
            "isolation",
            { ...place, settings },
            { parent: this, provider: target.provider, dependsOn: [target] },
        );
        // Whatever comes later, comes into a namespace that is closed.
        const within = { parent: this, provider: target.provider, dependsOn: [target, isolation] };
        const volumes = createVolumes();
        const credentials = createCredentials(this, settings.credentials, args.keptCredentials);
        const server = createServer();
        const login = createLogin(
            place,
            settings.database.name,
            generations.database,
            credentials,
            settings.credentials,
            within,
        );
        const masking = settings.masking === undefined ? [] : [createMaskingKey(place, credentials.key, within)];
        const agent = new Agent(
            "agent",
            { ...place, program: args.program, plan: planOf(settings, args.stack) },
            within,
        );

        const prepareDatabase = job("prepare-database", [...server, agent, login, ...masking, ...volumes.backups]);
        const prepareMedia = job("prepare-media", [agent, ...volumes.files, ...volumes.media]);
        const switched = job("switch", [prepareDatabase, prepareMedia]);
        // Which backup `latest` was, the switch alone can tell.
        const live = switched.ended.apply(() => args.readLive());
        // Without an application, the switch is the last that anybody waits for.
        const used =
            settings.application === undefined ? switched : job("smoke", [createApplication(settings.application)]);
        const retired = job("retire", [used]);

        createReport(place, live, args.history ?? [], { ...within, dependsOn: [retired] });
        this.live = live;
        this.url = publicUrl(settings);
        this.generations = generations;
        this.databaseSecret = jobs.switch.loginSecret;
        this.registerOutputs();

        function createTarget(parent: Replica) {
            const { context, podSecurity, access } = settings.target;
            const brought = broughtClaims(settings.source).length > 0;
            return new Target(
                "target",
                { ...place, context, podSecurity, access, keep: keep.database || keep.media || brought },
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
            const serverArgs = { ...place, image, credentials, initialSql, keep: keep.database };
            return server === undefined
                ? [new DatabaseServer("database", serverArgs, { ...within, dependsOn: volumes.database })]
                : [];
        }

        function createApplication(application: ApplicationSettings) {
            return new Application(
                "application",
                {
                    ...place,
                    image: `${settings.image}:${settings.imageTag}`,
                    imageTag: settings.imageTag,
                    settings: application,
                    mail: settings.mail,
                    server: serverOf(settings.database),
                    databases: [settings.database.name, ...settings.database.others.map(({ name }) => name)],
                    generations,
                    media: isCopied ? undefined : settings.source.media,
                    loginSecret: jobs.switch.loginSecret,
                    live,
                    placement: jobs.switch.placement,
                },
                { ...within, dependsOn: [switched] },
            );
        }

        function job(command: Command, dependsOn: pulumi.Resource[]) {
            return new AgentJob(command, jobs[command], { ...within, dependsOn });
        }
    }
}
