/** Who may open connections to whom: what is not listed here is closed, in both directions. */
import { isIP } from "node:net";
import { type Command, commands } from "../contract";
import type { Settings } from "../settings";
import type { ApplicationSettings } from "../settings/application";
import { type Destination, hostOf, isHeld, namespaceOf } from "../settings/isolation";
import type { S3 } from "../settings/store";
import { applicationName } from "./address";
import { keepsMail, mailHost, mailPorts, wayOut } from "./mail-configuration";
import { poolerHost } from "./pooler";
import { poolerPort } from "./pooler-configuration";
import { redisHost, redisPort } from "./redis";
import { databaseHost, serverOf } from "./server-access";

/** A port of a pod, by its number or its name. */
export interface Port {
    port: number | string;
    protocol: "TCP" | "UDP";
}

/** Somebody outside of the replica, as a NetworkPolicy calls them. */
export interface Outsider {
    ipBlock?: { cidr: string; except?: string[] };
    namespaceSelector?: { matchLabels: Record<string, string> };
    podSelector?: { matchLabels: Record<string, string> };
}

/** One end of a connection: pods of the replica by the name of their component, or somebody outside. */
export type End = string | Outsider;

/** Where a connection may lead: without ports, to all of them. */
export interface Goal {
    to: End;
    ports?: Port[];
}

/** A connection that may be opened. */
export interface Connection extends Goal {
    from: End;
}

/** Whoever comes: a policy that names nobody lets everybody in. */
export const anybody: Outsider = {};

/** The port that the application's Service leads to. */
const web: Goal = { to: applicationName, ports: [tcp("http")] };

/** Namespace in which ingress-nginx, the usual controller, stands. */
const usualController = "ingress-nginx";

/** Commands that ask the server of the databases. */
const asking: Command[] = commands.filter((command) => command !== "prepare-media");

/** Every connection of a replica, but for the questions for names. */
export function connectionsOf(settings: Settings): Connection[] {
    const { source, application } = settings;
    const server = serverGoals(settings);
    return [
        ...(application === undefined ? [] : applicationConnections(settings, application, server)),
        ...between(asking, server),
        ...between(["prepare-database", "survey"], bucketGoals(source.database.s3, settings)),
        ...between(["prepare-media"], bucketGoals(source.media.s3, settings)),
    ];
}

/** Who may ask the application's page from outside. */
export function callersOf({ application, isolation }: Settings): Outsider[] {
    if (isolation.web !== undefined) {
        return isolation.web.map(outsider);
    }
    return [
        ...(application?.nodePort === undefined ? [] : [anybody]),
        ...(application?.ingress === undefined ? [] : [outsider({ namespace: usualController })]),
    ];
}

function applicationConnections(settings: Settings, application: ApplicationSettings, server: Goal[]): Connection[] {
    const { workers, pooler, redis, aliases } = application;
    const parts = [applicationName, ...Object.keys(workers)];
    const named = new Set(Object.values(aliases));
    return [
        ...between(callersOf(settings), [web]),
        ...between(["smoke"], [web]),
        ...between(parts, [
            ...(pooler === undefined ? [] : [{ to: poolerHost, ports: [tcp(poolerPort)] }]),
            ...(pooler === undefined || named.has("database") ? server : []),
            ...(redis === undefined ? [] : [{ to: redisHost, ports: [tcp(redisPort)] }]),
            ...(named.has("application") ? [web] : []),
            ...settings.isolation.allow.map(goal),
        ]),
        ...between(pooler === undefined ? [] : [poolerHost], server),
        ...mailConnections(settings, parts),
    ];
}

/** Mail goes into the sink, and out of it again where its mode lets some out. Its pages are asked by way of the API alone. */
function mailConnections({ mail }: Settings, parts: End[]): Connection[] {
    const { mode } = mail;
    const relay = wayOut(mail);
    const { smtp, http } = mailPorts;
    return [
        ...between(mode === "off" ? [] : parts, [{ to: mailHost, ports: [tcp(smtp)] }]),
        ...between(keepsMail(mail) ? ["survey"] : [], [{ to: mailHost, ports: [tcp(http)] }]),
        ...between(relay === undefined ? [] : [mailHost], relay === undefined ? [] : foundAt(relay.host, relay.port)),
    ];
}

/** The server of the databases: the replica's own, or the one that is brought. */
function serverGoals({ database, isolation }: Settings): Goal[] {
    const { host, port } = serverOf(database);
    if (database.server === undefined) {
        return [{ to: databaseHost, ports: [tcp(port)] }];
    }
    return isolation.server?.map(goal) ?? [placeOf(host, port)];
}

/** All addresses, and those among them that are nobody's in particular: production's network is one of these, if any. */
const everywhere = {
    "0.0.0.0/0": ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
    "::/0": ["fc00::/7", "fe80::/10"],
};

/** The server of a bucket, whose addresses may change from hour to hour. */
function bucketGoals(s3: S3 | undefined, { isolation }: Settings): Goal[] {
    if (s3 === undefined) {
        return [];
    }
    if (isolation.stores !== undefined) {
        return isolation.stores.map(goal);
    }
    const { protocol, port } = new URL(s3.endpoint ?? "https://s3.amazonaws.com");
    return foundAt(hostOf(s3) ?? "", Number(port) || (protocol === "http:" ? 80 : 443));
}

/** A host by its address or its namespace, else its port at every public address: no policy can hold another name. */
function foundAt(host: string, port: number): Goal[] {
    return isHeld(host)
        ? [placeOf(host, port)]
        : Object.entries(everywhere).map(([cidr, except]) => ({
              to: { ipBlock: { cidr, except } },
              ports: [tcp(port)],
          }));
}

/** Where a host is that a policy can hold. The port of a Service says nothing of the port of its pods. */
function placeOf(host: string, port: number): Goal {
    const namespace = namespaceOf(host);
    return goal(
        namespace === undefined ? { cidr: `${host}/${isIP(host) === 4 ? 32 : 128}`, ports: [port] } : { namespace },
    );
}

function between(starts: End[], goals: Goal[]): Connection[] {
    return starts.flatMap((from) => goals.map((goal) => ({ from, ...goal })));
}

function goal({ ports, ...party }: Destination): Goal {
    return { to: outsider(party), ...(ports && { ports: ports.map(tcp) }) };
}

function outsider({ cidr, namespace }: Destination): Outsider {
    return cidr === undefined
        ? { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace ?? "" } } }
        : { ipBlock: { cidr } };
}

function tcp(port: number | string): Port {
    return { port, protocol: "TCP" };
}
