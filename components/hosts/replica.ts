import { randomBytes } from "node:crypto";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { hooksOf } from "../../contract/hooks";
import { hostsOf, type Order, writeOrder } from "../../hosts/order";
import type { HostSettings } from "../../settings/hosts";
import { keptText } from "../stash";
import { bucketsOf, createBuckets } from "./buckets";
import { Command } from "./command";
import { configurationOf, reasonsOfFiles } from "./files";
import { generationsOf, type HostGenerations, reasonsOf } from "./generations";
import { createHost } from "./host";
import { sourcePlan, sourceSecrets, targetPlan, targetSecrets } from "./plan";

/** Arguments of a {@link HostReplica}. */
export interface HostReplicaArgs {
    /** `<project>/<stack>`: the marker that the target's server carries. */
    stack: string;
    settings: HostSettings;
    /** The agent's program, one JavaScript file. */
    program: string;
}

/**
 * A replica of a production stack on machines: generations of production's data on the target's own server and in its own
 * folder, made and proven beside what is in use; what uses them is stopped for the switch alone.
 *
 * @example
 * new HostReplica("replica", { stack: "understudy/staging", settings, program: await bundle("all") });
 */
export class HostReplica extends pulumi.ComponentResource {
    /** Ids of the copies that it is made of. */
    readonly generations: HostGenerations;
    /** What the last switch has said. */
    readonly switched: pulumi.Output<string>;

    constructor(name: string, args: HostReplicaArgs, options?: pulumi.ComponentResourceOptions) {
        super("understudy:index:HostReplica", name, {}, options);
        const { stack, settings } = args;
        const { target, removeDatabaseVolume, removeMediaVolume } = settings;
        const generations = generationsOf(settings);
        const reasons = reasonsOf(settings);
        const provider = new command.Provider("command", {}, { parent: this });
        const within = { parent: this, provider };
        const key = keptText("key", pulumi.secret(randomBytes(24).toString("base64url")), this);
        const order = orderOf(args, "");
        // Commands run as soon as they are registered: what they are told has to be there before.
        const told = key.apply((text) => {
            if (!pulumi.runtime.isDryRun()) {
                writeOrder(orderOf(args, text));
            }
            return text;
        });

        const hosts = hostsOf(order).map((host) =>
            createHost(
                {
                    host,
                    order,
                    ready: told,
                    ...(host === target.host && { wipe: { database: removeDatabaseVolume, media: removeMediaVolume } }),
                },
                within,
            ),
        );
        const prepareDatabase = run(
            "prepare-database",
            { generation: generations.database, ...reasons.database },
            hosts,
        );
        const prepareMedia =
            settings.media === undefined
                ? []
                : [run("prepare-media", { generation: generations.media, ...reasons.media }, hosts)];
        const prepareFolders = Object.entries(reasons.folders).map(([folder, why]) =>
            run(`prepare-folder-${folder}`, { generation: generations.folders[folder] ?? "", ...why }, hosts, [
                "prepare-folder",
                folder,
            ]),
        );
        const folders = Object.entries(generations.folders).map(([folder, id]) => [`folder-${folder}`, id]);
        const both = { database: generations.database, media: generations.media, ...Object.fromEntries(folders) };
        const hooks = (["switch", "smoke"] as const).flatMap((command) => hooksOf(command, order.target.plan.hooks));
        const switched = run(
            "switch",
            { ...both, ...reasonsOfFiles(settings), ...(hooks.length > 0 && { hooks: hooks.join(",") }) },
            [prepareDatabase, ...prepareMedia, ...prepareFolders],
        );
        if (settings.buckets !== undefined && settings.buckets.copies.length > 0) {
            createBuckets({ stack, settings: settings.buckets, ready: told }, { ...within, dependsOn: [switched] });
        }
        const { keepGenerations } = settings.database;
        run("retire", { ...both, keep: String(keepGenerations) }, [switched]);

        this.generations = generations;
        this.switched = switched.sentence;
        this.registerOutputs();

        function run(
            word: string,
            because: Record<string, string>,
            dependsOn: pulumi.Resource[],
            words = [word],
        ): Command {
            return new Command(word, { stack, words, because, ready: told }, { ...within, dependsOn });
        }
    }
}

/** What the commands are told. */
export function orderOf({ stack, settings, program }: HostReplicaArgs, key: string): Order {
    const { hosts, source, target, database, media, folders, services, stopTimeout, parity, isolation } = settings;
    const timeouts = {
        database: database.timeout,
        media: media?.mode === "copy" ? media.timeout : database.timeout,
        folders: Object.fromEntries(folders.map(({ name, timeout }) => [name, timeout])),
    };
    return {
        ...{ stack, hosts, program, services, stopTimeout, timeouts, unreachable: isolation.unreachable },
        source: { host: source.database.host, plan: sourcePlan(settings), secrets: sourceSecrets(settings) },
        target: { host: target.host, plan: targetPlan(settings, stack), secrets: targetSecrets(settings, key) },
        ...(parity !== undefined && { parity }),
        ...configurationOf(settings),
        ...bucketsOf(stack, settings.buckets),
    };
}
