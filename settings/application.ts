/** The part of a stack file that says how the application is run. */
import { z } from "zod";
import { commands } from "../contract";
import { aliases } from "./aliases";
import { absolutePath, bytes, host, label, objectName, processors, size } from "./values";

/** Names that the replica's other parts have already: objects and selectors go by them. */
const taken = [
    ...commands,
    ...[
        "agent",
        "application",
        "banner",
        "certificate",
        "database",
        "default-deny",
        "dns",
        "login",
        "mail",
        "masking",
        "media",
        "namespace",
        "pooler",
        "redis",
    ],
    ...["source-database", "source-media"],
];

/** Name of a variable that the application finds in its environment. */
export const variable = z.string().regex(/^[A-Z_][A-Z0-9_]*$/, "write a variable's name");

/** Variables that every application is told; the stack file may give them other values, but not random ones. */
const given = /^(PG\w+|UNDERSTUDY_\w+|PORT|MEDIA_ROOT|REDIS_HOST|REDIS_PORT)$/;

/** Whether a variable has a value without the stack file's doing. */
export function isGiven(name: string): boolean {
    return given.test(name);
}

/** Program and arguments of a container, in place of its image's own. */
const command = z.array(z.string().min(1)).min(1);

const replicas = z.number().int().min(1).max(50).default(1);

/** Programs of the same image that work beside the web part. */
const worker = z.strictObject({
    command,
    replicas,
    /** Whether it sees the media. */
    media: z.boolean().default(true),
    /** Never two at a time, not even while it is replaced: a scheduler. */
    single: z.boolean().default(false),
});

/** Host names of replicas that have one each: room is left for the longest namespace before it. */
const domain = host.refine((name) => name.length <= 189, { error: "write a shorter name, 189 characters at most" });

/** A pgBouncer's connections to the database. */
const poolSize = z.number().int().min(1).max(1000).default(16);

/** What the web part and each worker may use. */
const share = z.strictObject({
    memoryRequest: size.default("64Mi"),
    memoryLimit: size.default("1Gi"),
    cpuRequest: processors.default("50m"),
});

/** How the application is run. */
export const application = z.strictObject({
    /**
     * What the web part is. A StatefulSet keeps the names of its pods: each goes before its successor comes, so a single
     * one is away meanwhile.
     */
    workload: z.enum(["Deployment", "StatefulSet"]).default("Deployment"),
    /** The image's own if left out. */
    command: command.optional(),
    port: z.number().int().min(1).max(65535).default(8080),
    /** Path that answers 200 when the application and its data are well. */
    health: z.string().regex(/^\//, "write a path that begins with a slash").default("/"),
    /** Folder at which the application expects its media. */
    mediaPath: absolutePath,
    replicas,
    /** User id that the application runs as. */
    user: z.number().int().min(1).default(1000),
    /** Port of every node that leads to the application; none if left out. */
    nodePort: z.number().int().min(30000).max(32767).optional(),
    environment: z.record(variable, z.string()).default({}),
    /** Variables with random values that are made once and stay. */
    secrets: z
        .array(variable.refine((name) => !isGiven(name), { error: "write another name: that one has a value already" }))
        .refine((names) => new Set(names).size === names.length, { error: "write each name once" })
        .default([]),
    workers: z
        .record(
            label.refine((name) => !taken.includes(name), {
                error: `write another name: ${taken.join(", ")} are the replica's own`,
            }),
            worker,
        )
        .default({}),
    /** A queue or cache that begins empty with every generation; none if left out. */
    redis: z.strictObject({ image: z.string().min(1).default("redis:7-bookworm") }).optional(),
    /** A pgBouncer between application and database, which pools by transaction; none if left out. */
    pooler: z
        .strictObject({
            image: z.string().min(1).default("edoburu/pgbouncer:v1.25.1-p0"),
            /** Connections that stay open when nobody asks. */
            minPoolSize: poolSize,
            /** Connections at most; further clients wait for one. */
            maxConnections: poolSize,
        })
        .optional(),
    /** The way in from outside of the cluster; none if left out. */
    ingress: z
        .strictObject({
            host: host.optional(),
            /** In place of a host: `<namespace>.<domain>`, which no two replicas of a cluster have in common. */
            domain: domain.optional(),
            /** ClusterIssuer of cert-manager; without one there is no certificate, and the address is http. */
            issuer: objectName.optional(),
            /** The cluster's default class if left out. */
            className: objectName.optional(),
        })
        .refine((value) => (value.host === undefined) !== (value.domain === undefined), {
            error: "write either host or domain",
        })
        .optional(),
    /** Names that the application is used to, which are the replica's own parts in its pods. */
    aliases: aliases.default({}),
    /** A bar across every page that says whose copy it is, and a word to search engines that they are to pass by. */
    banner: z
        .strictObject({
            /** Off for an application that speaks something else than HTTP/1. */
            enabled: z.boolean().default(true),
            /** Whom to ask about the replica. */
            contact: z.string().min(1).optional(),
            /** Official image of nginx, with its module njs. */
            image: z.string().min(1).default("nginx:1.28-bookworm"),
        })
        .prefault({}),
    /** Any text; another one replaces the application's pods. */
    restart: z.string().min(1).optional(),
    /** What only a replica tells those who look at it. */
    warning: z.string().min(1).optional(),
    /** Where else to look, told likewise. */
    seeAlso: z.string().min(1).optional(),
    resources: share.prefault({}),
});
export type ApplicationSettings = z.infer<typeof application>;

/** What the settings of the application say in two places that cannot both be meant. */
export function applicationContradictions(settings: ApplicationSettings): string[] {
    const { environment, secrets, workers, aliases, pooler, resources } = settings;
    const problems: string[] = [];
    for (const name of secrets.filter((name) => name in environment)) {
        problems.push(
            `application.secrets holds ${name}, which application.environment sets too: leave one of them out`,
        );
    }
    for (const [name, { single, replicas }] of Object.entries(workers)) {
        if (single && replicas > 1) {
            problems.push(`application.workers.${name}.replicas is ${replicas}: write 1, or leave out single`);
        }
    }
    for (const [name, part] of Object.entries(aliases)) {
        if (taken.includes(name)) {
            problems.push(`application.aliases.${name}: write another name: ${name} is the replica's own already`);
        }
        if ((part === "redis" || part === "pooler") && settings[part] === undefined) {
            problems.push(
                `application.aliases.${name} is ${part}, which the replica does not have: write application.${part}`,
            );
        }
    }
    if (pooler !== undefined && pooler.minPoolSize > pooler.maxConnections) {
        problems.push(
            `application.pooler.minPoolSize is ${pooler.minPoolSize}: write no more than maxConnections, which is ${pooler.maxConnections}`,
        );
    }
    const { memoryRequest, memoryLimit } = resources;
    if (bytes(memoryRequest) > bytes(memoryLimit)) {
        problems.push(
            `application.resources.memoryRequest is "${memoryRequest}": write no more than memoryLimit, which is ${memoryLimit}`,
        );
    }
    return problems;
}
