/** What is production's and must be nobody else's: its hosts, their addresses, and the values of its Secrets. Reads only. */
import { lookup } from "node:dns/promises";
import type { V1Ingress, V1Pod, V1Secret, V1Service } from "@kubernetes/client-node";
import { type ClusterAccess, firstLine, orAbsent, orHidden, reading, within } from "../cluster";
import { inProduction } from "../contract";
import type { Settings } from "../settings";
import { databasesOf } from "../settings/database";
import { type Fingerprint, fingerprintOf, heldIn } from "./fingerprint";

/** A host or an address of production's. */
export interface Belonging {
    value: string;
    /** What it is, for people. */
    is: string;
    /** Whether the names below it are production's as well, as those of a Service's pods are. */
    below?: boolean;
}

/** What is known to be production's. */
export interface Belongings {
    hosts: Belonging[];
    addresses: Belonging[];
    /** Values of its Secrets, but for those of which the stack file says that they are no secrets. */
    secrets: Fingerprint[];
    /** What the target's Secrets hold of these. */
    borrowed: Borrowed[];
    /** What could not be found out: one sentence each. */
    unknown: string[];
    /** Why nothing of production's namespace could be read, if so, without a full stop. */
    unseen?: string;
}

/** A key of a Secret of the target that holds what one of production's does. */
export interface Borrowed {
    secret: string;
    key: string;
    from: Fingerprint;
}

/** What is found in one place. */
type Found = Omit<Belongings, "borrowed">;

const nothing: Found = { hosts: [], addresses: [], secrets: [], unknown: [] };

/** What production's namespace and the stack file tell, and what of it the target has. */
export async function lookAtBelongings(settings: Settings): Promise<Belongings> {
    const [there, written] = await Promise.all([ofNamespace(settings), ofStackFile(settings)]);
    const { borrowed, unknown } = await lookForBorrowed(settings, there.secrets);
    return {
        hosts: [...written.hosts, ...there.hosts],
        addresses: [...written.addresses, ...there.addresses],
        secrets: there.secrets,
        borrowed,
        unknown: [...written.unknown, ...there.unknown, ...unknown],
        ...(there.unseen !== undefined && { unseen: there.unseen }),
    };
}

/** Looks through the target's Secrets, but for those through which production's stores and images are read. */
async function lookForBorrowed(
    { source, target }: Settings,
    secrets: Fingerprint[],
): Promise<Pick<Belongings, "borrowed" | "unknown">> {
    const { namespace, context, pullSecret } = target;
    const known = [source.database.s3?.secret, source.media.s3?.secret, pullSecret];
    const found =
        secrets.length === 0
            ? []
            : await reading(context, ({ core }) => listed(core.listNamespacedSecret({ namespace })));
    return {
        borrowed: (found ?? [])
            .filter(({ metadata }) => !known.includes(metadata?.name))
            .flatMap(valuesOf)
            .flatMap(({ secret, key, value }) => {
                const from = heldIn(value, secrets);
                return from === undefined ? [] : [{ secret, key, from }];
            }),
        unknown:
            found === undefined
                ? [
                      `The Secrets of namespace ${namespace} may not be read by this user: they were not compared with production's.`,
                  ]
                : [],
    };
}

/** What is in a list; nothing if the cluster knows no such list, undefined if it is not for this user. */
function listed<T>(list: Promise<{ items: T[] }>): Promise<T[] | undefined> {
    return orHidden(orAbsent(list).then((found) => found?.items ?? []));
}

async function ofNamespace(settings: Settings): Promise<Found> {
    const { context, namespace } = settings.source;
    if (namespace === undefined) {
        return nothing;
    }
    const read = ({ core, networking }: ClusterAccess) =>
        Promise.all([
            listed(core.listNamespacedService({ namespace })),
            listed(core.listNamespacedPod({ namespace })),
            listed(networking.listNamespacedIngress({ namespace })),
            listed(core.listNamespacedSecret({ namespace })),
        ]);
    try {
        const [services, pods, ingresses, secrets] = await reading(context, read);
        const kinds = { Services: services, Pods: pods, Ingresses: ingresses, Secrets: secrets };
        const hidden = Object.entries(kinds).flatMap(([kind, found]) => (found === undefined ? kind : []));
        // On another cluster, the same inner addresses are somebody else's.
        const inner = context === settings.target.context ? innerOf(services ?? [], pods ?? []) : [];
        return {
            hosts: [...(services ?? []).flatMap(hostsOfService), ...(ingresses ?? []).flatMap(hostsOfIngress)],
            addresses: [...(services ?? []).flatMap(outerOf), ...inner],
            secrets: fingerprintsOf(settings, secrets ?? []),
            unknown:
                hidden.length === 0
                    ? []
                    : [
                          `Production's ${hidden.join(", ")} (namespace ${namespace} of context "${context}") may not be ` +
                              "read by this user: what the replica reaches and is told was not compared with them.",
                      ],
        };
    } catch (error) {
        return { ...nothing, unseen: firstLine(error) };
    }
}

/** The values of production's Secrets, but for those that the stack file writes down itself, or calls no secrets. */
function fingerprintsOf({ database, isolation }: Settings, secrets: V1Secret[]): Fingerprint[] {
    const names = databasesOf(database)
        .flatMap((one) => [one, inProduction(one)])
        .flatMap(({ name, owner }) => [name, owner]);
    return secrets
        .flatMap(valuesOf)
        .filter(
            ({ secret, key, value }) => !names.includes(value.trim()) && !isolation.public.includes(`${secret}/${key}`),
        )
        .flatMap(({ secret, key, value }) => fingerprintOf(secret, key, value) ?? []);
}

async function ofStackFile({ isolation }: Settings): Promise<Found> {
    const { allow, web = [], server = [], production } = isolation;
    const compared = [...allow, ...web, ...server].some(({ cidr }) => cidr !== undefined);
    const is = "one of isolation.production";
    const found = await Promise.all(
        production.map(async (host) => {
            try {
                const addresses = await within(5, lookup(host, { all: true }));
                return { host, addresses: addresses.map(({ address }) => address) };
            } catch {
                return { host, addresses: undefined };
            }
        }),
    );
    return {
        hosts: found.map(({ host }) => ({ value: host, is })),
        addresses: found.flatMap(({ host, addresses = [] }) =>
            addresses.map((value) => ({ value, is: `the address of ${host}, ${is}` })),
        ),
        secrets: [],
        unknown: found
            .filter(({ addresses }) => compared && addresses === undefined)
            .map(
                ({ host }) =>
                    `The host ${host} of isolation.production has no address that can be found out here: the addresses in ` +
                    "isolation were not compared with it.",
            ),
    };
}

/** The names by which pods of any namespace reach a Service, and the name that it stands for. */
function hostsOfService({ metadata, spec, status }: V1Service): Belonging[] {
    const is = `Service ${metadata?.name} of production's namespace`;
    const name = `${metadata?.name}.${metadata?.namespace}`;
    const inner = [name, `${name}.svc`, `${name}.svc.cluster.local`];
    const outer = (status?.loadBalancer?.ingress ?? []).flatMap(({ hostname }) => hostname ?? []);
    return [
        ...inner.map((value) => ({ value, is, below: true })),
        ...[...outer, ...(spec?.externalName ? [spec.externalName] : [])].map((value) => ({ value, is })),
    ];
}

function hostsOfIngress({ metadata, spec }: V1Ingress): Belonging[] {
    const is = `a host of Ingress ${metadata?.name} of production's namespace`;
    return (spec?.rules ?? []).flatMap(({ host }) =>
        host === undefined || host.startsWith("*") ? [] : { value: host, is },
    );
}

/** Addresses of a Service outside of its cluster. */
function outerOf({ metadata, spec, status }: V1Service): Belonging[] {
    const balanced = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
    const is = `an address of Service ${metadata?.name} of production's namespace`;
    return [...(spec?.externalIPs ?? []), ...balanced].map((value) => ({ value, is }));
}

/** Addresses inside of the cluster. Pods on their node's own address are left out: it is not production's alone. */
function innerOf(services: V1Service[], pods: V1Pod[]): Belonging[] {
    return [
        ...services.flatMap(({ metadata, spec }) =>
            (spec?.clusterIPs ?? [])
                .filter((value) => value !== "None")
                .map((value) => ({ value, is: `the address of Service ${metadata?.name} of production's namespace` })),
        ),
        ...pods
            .filter(({ spec }) => spec?.hostNetwork !== true)
            .flatMap(({ metadata, status }) =>
                (status?.podIPs ?? []).flatMap(({ ip }) =>
                    ip === undefined
                        ? []
                        : { value: ip, is: `the address of pod ${metadata?.name} of production's namespace` },
                ),
            ),
    ];
}

/** The values of a Secret, without certificates, which are public, and what the cluster makes for its own use. */
function valuesOf({ type, metadata, data = {} }: V1Secret): { secret: string; key: string; value: string }[] {
    const own = ["kubernetes.io/service-account-token", "helm.sh/release.v1"];
    return own.includes(type ?? "")
        ? []
        : Object.entries(data)
              .filter(([key]) => !key.endsWith(".crt"))
              .map(([key, value]) => ({
                  ...{ secret: metadata?.name ?? "", key },
                  value: Buffer.from(value, "base64").toString(),
              }));
}
