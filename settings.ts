/**
 * The stack file's settings, validated. This is the program's only reader of Pulumi's configuration: every problem of a
 * stack file is reported in one error, each with its key, what was found and what to write instead. What `role: replica`
 * has is here and what `role: source` has in `settings/publisher.ts`; parts that are long stand beside that.
 */
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { Refusal } from "./refusal";
import { access } from "./settings/access";
import { aliasContradictions } from "./settings/aliases";
import { announce } from "./settings/announce";
import { application, applicationContradictions } from "./settings/application";
import { settingsBeside } from "./settings/beside";
import { credentials } from "./settings/credentials";
import { database, databaseContradictions, databasesOf } from "./settings/database";
import { hooks, hooksContradictions } from "./settings/hooks";
import { type HostSettings, parseHosts } from "./settings/hosts";
import { plainSecrets } from "./settings/hosts/secrets";
import { identity, identityContradictions } from "./settings/identity";
import { isolation, isolationContradictions } from "./settings/isolation";
import { lifecycle } from "./settings/lifecycle";
import { type MailSettings, mail, mailContradictions } from "./settings/mail";
import { masking, maskingContradictions } from "./settings/masking";
import { mediaFor } from "./settings/media";
import { notices, noticesContradictions } from "./settings/notices";
import { describe, fromText, type Parsed } from "./settings/problems";
import { type PublisherSettings, parsePublisher } from "./settings/publisher";
import { quota, quotaContradictions } from "./settings/quota";
import { identityOf, type Store, store } from "./settings/store";
import { host, label, objectName, workload } from "./settings/values";

const tag = z
    .string()
    .regex(/^[\w][\w.-]{0,127}$/, "write an image tag")
    .refine((text) => text !== "latest", "write the tag that production runs; latest names no version");

const schemaFor = (written: Record<string, unknown>) =>
    z.strictObject({
        /** A replica, or production's side; see {@link parsePublisher}. */
        role: z.enum(["replica", "source"]).default("replica"),
        source: z.strictObject({
            /** Context of the kubeconfig that production's namespace is looked for on; the target's if left out. */
            context: z.string().min(1).optional(),
            /** Production's namespace, which is only looked at; left out when its cluster cannot be. */
            namespace: label.optional(),
            /** Workload in that namespace whose image tag is production's; without it the tag is not compared. */
            workload: workload.optional(),
            /** What production's server answers to `select system_identifier from pg_control_system()`. */
            systemIdentifier: z
                .string()
                .regex(/^\d{15,20}$/, "write the number in quotes")
                .optional(),
            /** Store with `hourly/backup-<stamp>-<database>.sql.gz`, or `…-dumpall.sql.gz` for whole servers. */
            database: store,
            /** Store with production's files. */
            media: store,
        }),
        target: z.strictObject({
            /** Context of the kubeconfig that the replica is made on. */
            context: z.string().min(1),
            /** Namespace that belongs to this stack alone. */
            namespace: label.optional(),
            /** Whose replica it is, in place of a namespace: it then stands in `stack-<user>-<name>`, and only that user, as the cluster knows them, may deploy it. */
            developer: z.strictObject({ user: label, name: label.default("default") }).optional(),
            /** Level of the Pod Security Standards that the namespace enforces. */
            podSecurity: z.enum(["restricted", "baseline"]).default("restricted"),
            /** Storage class of the replica's volumes; the cluster's default if left out. */
            storageClass: z.string().min(1).optional(),
            /** What every host name of the replica ends in; any name will do if left out. */
            domain: host.optional(),
            /** How much the namespace may take; a developer's has one by default. */
            quota: quota.optional(),
            /** Secret in the namespace, of type kubernetes.io/dockerconfigjson, with which images are pulled. */
            pullSecret: objectName.optional(),
            /** Who may look at the replica's objects, and who may change them, besides those whom the cluster lets anyway. */
            access: access.prefault({}),
        }),
        image: z.string().min(1),
        imageTag: tag,
        /** Why data may be refreshed under another tag than production's; recorded in the stack's outputs. */
        allowTagMismatch: z.string().min(1).optional(),
        database,
        media: mediaFor(written.media),
        /** Without it the replica is its data alone. */
        application: application.optional(),
        /** With whom the replica may speak; nobody but its own parts if left out. */
        isolation: isolation.prefault({}),
        /** SQL of the stack's own, and when it is run. */
        hooks: hooks.prefault({}),
        /** What becomes of people's data; all of it stays if left out. */
        masking: masking.optional(),
        /** Passwords of the replica's own. */
        credentials: credentials.prefault({}),
        /** What makes a copy the replica's own; it stays as production made it if left out. */
        identity: identity.optional(),
        /** Where the replica's mail goes. */
        mail: mail.prefault({}),
        /** Who holds this replica and why; nothing is changed while it is there. */
        hold: z.string().min(1).optional(),
        /** How a refresh is announced to those who use the replica; it is not if left out. */
        announce: announce.optional(),
        /** Who is told of what happens to the replica; nobody if left out. */
        notices: notices.optional(),
        /** How long a copy may be used, and what comes after. */
        lifecycle: lifecycle.prefault({}),
        /** Whether a replica may begin on a volume that is there from before it, as a wipe keeps them. */
        allowExistingDatabaseVolume: z.boolean().default(true),
        allowExistingMediaVolume: z.boolean().default(true),
        /** Whether a run that fails leaves what it was making, to be looked at until the next one. */
        keepFailed: z.boolean().default(false),
        removeDatabaseVolume: z.boolean().default(true),
        removeMediaVolume: z.boolean().default(false),
    });

type Written = z.infer<ReturnType<typeof schemaFor>>;

/** A stack file's settings, with defaults filled in, time spans in seconds, and a developer's namespace computed. */
export type Settings = Written & {
    role: "replica";
    source: { context: string };
    target: { namespace: string };
    mail: MailSettings;
};

/**
 * Reads the settings of the stack that is being run.
 *
 * @throws {Refusal} with one sentence for each problem of the stack file
 */
export function readSettings(): AnySettings {
    return parseStack(pulumi.runtime.allConfig(), pulumi.getProject(), pulumi.getStack());
}

/** The settings of a stack file, by its role. */
export type AnySettings = Settings | PublisherSettings | HostSettings;

/**
 * Settings from Pulumi's configuration as the engine hands it over: full keys, values as text or JSON.
 *
 * @throws {Refusal} with one sentence for each problem of the stack file
 */
export function parseStack(config: Record<string, string>, project: string, stack: string): AnySettings {
    const found = Object.fromEntries(
        Object.entries(config)
            .filter(([key]) => key.startsWith(`${project}:`))
            .map(([key, text]) => [key.slice(project.length + 1), fromText(text)]),
    );
    const { settings, problems } = parse(found, stack);
    if (problems.length > 0 || settings === undefined) {
        const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
        throw new Refusal(
            [`Pulumi.${stack}.yaml has ${count}:`, ...problems.map((text) => `  ${project}:${text}`)].join("\n"),
        );
    }
    return Object.freeze(settings);
}

/** By role: production's side has one of its own, and a replica on machines names them. */
function parse(found: Record<string, unknown>, stack: string): Parsed<AnySettings> {
    if (found.role === "source") {
        return parsePublisher(found);
    }
    if (found.hosts === undefined) {
        return parseReplica(found);
    }
    const { settings, problems } = parseHosts(found, settingsBeside);
    const plain = settings === undefined ? [] : plainSecrets(settings, settingsBeside(stack));
    return { ...(settings !== undefined && { settings }), problems: [...problems, ...plain] };
}

/**
 * The same of a stack that is a replica on Kubernetes.
 *
 * @throws {Refusal} also when it is not
 */
export function parseSettings(config: Record<string, string>, project: string, stack: string): Settings {
    const settings = parseStack(config, project, stack);
    if (settings.role === "hosts") {
        throw new Refusal(
            `Pulumi.${stack}.yaml is a replica on hosts: deploy, drill and status --access are for replicas on Kubernetes.`,
        );
    }
    if (settings.role === "source") {
        throw new Refusal(
            `Pulumi.${stack}.yaml is production's side (role: source), which has no copies: preview and up are for it, ` +
                "and wipe, which leaves the store and all of production alone.",
        );
    }
    return settings;
}

function parseReplica(found: Record<string, unknown>): Parsed<Settings> {
    const schema = schemaFor(found);
    const result = schema.safeParse(found, { reportInput: true });
    if (!result.success) {
        return { problems: result.error.issues.flatMap((issue) => describe(issue, schema)) };
    }
    const settings = filledIn(result.data);
    return { settings, problems: contradictions(settings) };
}

/** A developer's namespace follows from whose it is; an empty one is a contradiction. Mail needs somebody who sends it. */
function filledIn(settings: Written): Settings {
    const { source, target, mail, application } = settings;
    const { context, namespace, developer } = target;
    const computed = developer === undefined ? "" : `stack-${developer.user}-${developer.name}`;
    return {
        ...settings,
        role: "replica",
        source: { ...source, context: source.context ?? context },
        target: { ...target, namespace: namespace ?? computed },
        mail: { ...mail, mode: mail.mode ?? (application === undefined ? "off" : "sink") },
    };
}

/** What a stack file says in two places that cannot both be meant. */
function contradictions(settings: Settings): string[] {
    const { source, target, database, media, application, hooks, masking, identity, mail } = settings;
    const problems = [
        ...databaseContradictions(database),
        ...noticesContradictions(settings.notices),
        ...(application === undefined ? [] : applicationContradictions(application)),
        ...isolationContradictions(settings),
        ...quotaContradictions(settings),
        ...aliasContradictions(settings),
    ];
    const computed = `stack-${target.developer?.user}-${target.developer?.name}`;
    if (target.namespace === "") {
        problems.push(
            "target.namespace is missing: write the replica's namespace, or target.developer for a developer's",
        );
    } else if (target.developer !== undefined && target.namespace !== computed) {
        problems.push(
            `target.namespace is "${target.namespace}", but target.developer makes it ${computed}: leave one of them out`,
        );
    } else if (target.namespace.length > 63) {
        problems.push(
            `target.developer makes the namespace ${target.namespace}, which is longer than 63: write a shorter name`,
        );
    }
    if (source.namespace === target.namespace && source.context === target.context) {
        problems.push(
            `target.namespace is "${target.namespace}", which is production's own: write a namespace for the replica alone`,
        );
    }
    problems.push(...productionsServer(settings));
    if (identityOf(source.database) === identityOf(source.media)) {
        problems.push(
            "source.media is the same store as source.database: write the store that holds production's files",
        );
    }
    if (media.mode === "share-read-only" && source.media.s3 !== undefined) {
        problems.push("media.mode is share-read-only, but source.media is a bucket, which no pod mounts: write copy");
    }
    if (media.mode === "copy" && media.owners === "production") {
        problems.push(...ownersContradictions(source.media, target.podSecurity));
    }
    const names = databasesOf(database).map(({ name }) => name);
    const asked = media.mode === "copy" ? media.references?.database : undefined;
    problems.push(...hooksContradictions(hooks, names, application !== undefined));
    problems.push(...(masking === undefined ? [] : maskingContradictions(masking, names)));
    problems.push(...(identity === undefined ? [] : identityContradictions(identity, names.slice(1))));
    problems.push(...mailContradictions(mail, names, application));
    if (asked !== undefined && !names.includes(asked)) {
        problems.push(
            `media.references.database is "${asked}", which the replica does not have: write ${names.join(" or ")}`,
        );
    }
    if (source.workload !== undefined && source.namespace === undefined) {
        problems.push("source.workload is in no namespace: write source.namespace");
    }
    if (source.context !== target.context && source.namespace === undefined) {
        problems.push(
            "source.context is where production's namespace is looked at: write source.namespace, or leave it out",
        );
    }
    return problems;
}

/** A server by a name that only production's Services have. What another name leads to, the restore finds out. */
function productionsServer({ source, target, database }: Settings): string[] {
    const host = database.server?.host ?? "";
    const [, namespace, svc = "svc"] = host.split(".");
    return namespace !== undefined &&
        namespace === source.namespace &&
        svc === "svc" &&
        source.context === target.context
        ? [
              `database.server.host is ${host}, a Service of production's namespace ${namespace}: write a server that is for ` +
                  "replicas alone",
          ]
        : [];
}

/** What speaks against keeping production's owners. */
function ownersContradictions({ s3 }: Store, podSecurity: Settings["target"]["podSecurity"]): string[] {
    return [
        ...(s3 === undefined
            ? []
            : ["media.owners is production, but source.media is a bucket, which knows no owners: write agent"]),
        ...(podSecurity === "baseline"
            ? []
            : [
                  "media.owners is production, but target.podSecurity is restricted, which lets nobody give files away: " +
                      "write baseline there, or media.owners: agent",
              ]),
    ];
}
