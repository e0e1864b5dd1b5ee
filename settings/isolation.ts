/** The part of a stack file that says with whom the replica may speak, besides its own parts. */
import { isIP } from "node:net";
import { z } from "zod";
import type { Settings } from "../settings";
import type { S3 } from "./store";
import { label, port, reachable } from "./values";

/** Addresses such as `10.1.2.0/24`, and never all of them. */
const cidr = z
    .string()
    .refine(isCidr, { error: "write addresses such as 10.1.2.0/24, or one alone as 10.1.2.3/32" })
    .refine((text) => !text.endsWith("/0"), {
        error: "write fewer: these are all addresses, production's among them",
    });

/** Somebody outside of the replica: addresses, or the pods of a namespace on the target's cluster. */
const party = z.strictObject({ cidr: cidr.optional(), namespace: label.optional() });

/** Whom a connection may be opened to. */
const destination = party.extend({
    /** TCP ports, of the pods where it is a namespace; all of them and every protocol if left out. */
    ports: z.array(port).min(1).optional(),
});
export type Destination = z.infer<typeof destination>;

function eitherOf<T extends z.infer<typeof party>>(schema: z.ZodType<T>) {
    return schema.refine((value) => (value.cidr === undefined) !== (value.namespace === undefined), {
        error: "write either cidr or namespace",
    });
}

export const isolation = z.strictObject({
    /** Whom the application may speak to, besides the replica's own parts. */
    allow: z.array(eitherOf(destination)).default([]),
    /** Who may ask the application's page. Default: the namespace `ingress-nginx`, where there is an Ingress. */
    web: z.array(eitherOf(party)).optional(),
    /** Where the server of `database.server` is; what its host says if left out. */
    server: z.array(eitherOf(destination)).optional(),
    /** Where production's buckets are; what their endpoints say if left out, which may be every public address. */
    stores: z.array(eitherOf(destination)).optional(),
    /** Production's hosts, besides what its namespace tells: none of them is ever let in or out. */
    production: z.array(reachable).default([]),
    /** Keys of production's Secrets that hold no secret. */
    public: z
        .array(z.string().regex(/^[^/\s]+\/[^/\s]+$/, "write a Secret and its key, such as mail/sender"))
        .default([]),
});
export type IsolationSettings = z.infer<typeof isolation>;

/** Whether a host is a Service's name inside a cluster, and whose namespace it is in: `db.shop.svc` is in `shop`. */
export function namespaceOf(host: string): string | undefined {
    return /^[^.]+\.([^.]+)\.svc(\.|$)/.exec(host)?.[1];
}

/** What the settings say of the replica's surroundings that cannot be meant. */
export function isolationContradictions(settings: Settings): string[] {
    const { source, target, database, application, isolation } = settings;
    const { allow, web = [], server = [], production } = isolation;
    const problems = Object.entries({ allow, web, server }).flatMap(([list, parties]) =>
        parties.flatMap(({ namespace }, at) =>
            namespace !== undefined && namespace === source.namespace
                ? `isolation.${list}.${at}.namespace is "${namespace}", which is production's: leave it out`
                : [],
        ),
    );
    const brought = database.server?.host ?? "";
    if (database.server !== undefined && isolation.server === undefined && !isHeld(brought)) {
        problems.push(
            `database.server.host is "${brought}", a name, which no network policy can hold: write where it is to ` +
                "isolation.server, such as [{cidr: 10.1.2.3/32}]",
        );
    }
    for (const [holds, { s3 }] of Object.entries({ database: source.database, media: source.media })) {
        const host = s3 && hostOf(s3);
        if (host !== undefined && isolation.stores === undefined && !/[.:]/.test(host)) {
            problems.push(
                `source.${holds}.s3.endpoint is at ${host}, which is a name of one namespace alone: write where it is to ` +
                    "isolation.stores, such as [{namespace: storage}], or the whole name, such as " +
                    `${host}.storage.svc`,
            );
        }
    }
    const { host, domain } = application?.ingress ?? {};
    if (host !== undefined && production.includes(host)) {
        problems.push(`application.ingress.host is "${host}", which is production's own: write the replica's`);
    }
    const [setting, name] = host === undefined ? ["domain", domain] : ["host", host];
    if (target.domain !== undefined && name !== undefined && !`.${name}`.endsWith(`.${target.domain}`)) {
        problems.push(
            `application.ingress.${setting} is "${name}": write one that ends in .${target.domain}, as target.domain says`,
        );
    }
    return problems;
}

/** Whether a policy can hold a host without being told more: an address, or a name that tells its namespace. */
export function isHeld(host: string): boolean {
    return isIP(host) !== 0 || namespaceOf(host) !== undefined;
}

/** Host of the server of a bucket, as the stack file has it; an IPv6 address without its brackets. */
export function hostOf({ endpoint }: S3): string | undefined {
    return endpoint && new URL(endpoint).hostname.replace(/^\[|\]$/g, "");
}

function isCidr(text: string): boolean {
    const [, address = "", bits = ""] = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(text) ?? [];
    const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
    return bits !== "" && Number(bits) <= most;
}
