/**
 * What the program has decided, for the commands that carry it out: they run on the same machine, one for each resource,
 * and find it in a file that only this user can read and that goes when the program ends.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyPlans } from "../contract";
import type { ConfigurationPlan, ScanPlan } from "../contract/configuration";
import type { SourcePlan } from "../contract/hosts";
import type { ReplicaPlan } from "../contract/mysql";
import type { ParitySettings } from "../settings/hosts/parity";
import type { Hosts } from "../settings/hosts/reach";
import type { ServiceSettings } from "../settings/hosts/services";
import type { BucketsOrder, UploadsOrder } from "./buckets";
import { silence } from "./said";

/** All that the commands have to know. It holds secrets. */
export interface Order {
    /** `<project>/<stack>`. */
    stack: string;
    hosts: Hosts;
    /** The agent's program, one JavaScript file. */
    program: string;
    source: { host: string; plan: SourcePlan; secrets: Record<string, string> };
    target: { host: string; plan: ReplicaPlan; secrets: Record<string, string> };
    services: ServiceSettings[];
    /** Seconds that a service may take to stop. */
    stopTimeout: number;
    /** Seconds that each copy may take. */
    timeouts: { database: number; media: number; folders: Record<string, number> };
    parity?: ParitySettings;
    /** Addresses with their ports that no machine of the replica may reach. */
    unreachable: string[];
    /** Configuration files, host by host. Where to write down what to put back, the host's folder says. */
    files: { host: string; plan: Omit<ConfigurationPlan, "journal">; secrets: Record<string, string> }[];
    /** Bucket copies; none if left out, or as long as nobody knows their identities. */
    buckets?: BucketsOrder;
    /** Where the dumps go that copies of the database are made of; nowhere if left out. */
    uploads?: UploadsOrder;
    /** Folders on the target that are looked through; none if left out. */
    scan?: { plan: ScanPlan; secrets: Record<string, string> };
}

/** Every host that the agent is brought to, the target first. */
export function hostsOf(order: Pick<Order, "source" | "target" | "services" | "files">): string[] {
    const { source, target } = order;
    const media = copyPlans(target.plan).map(({ media }) => media.source);
    return [
        ...new Set([
            target.host,
            source.host,
            ...media.flatMap((from) => (typeof from === "object" && "host" in from ? from.host : [])),
            ...replicaHostsOf(order),
        ]),
    ];
}

/** The hosts that the replica is made of, the target first: those that data is not only read from. */
export function replicaHostsOf({ target, services, files }: Pick<Order, "target" | "services" | "files">): string[] {
    return [...new Set([target.host, ...services.flatMap(({ host }) => host ?? []), ...files.map(({ host }) => host)])];
}

/** Folder of a stack's commands, below the project's. */
export function orderFolder(stack: string): string {
    return join(".understudy", stack.replace("/", "-"));
}

/** The command of a resource: the same text on every machine, so that it is no change by itself. */
export function commandFor(stack: string, ...words: string[]): string {
    return ["node", join(orderFolder(stack), "run.cjs"), ...words].join(" ");
}

const file = "order.json";

/** Writes the order where {@link commandFor} leads, until this process ends. */
export function writeOrder(order: Order): void {
    const folder = orderFolder(order.stack);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, "run.cjs"), `require(${JSON.stringify(join(__dirname, "main.cjs"))});\n`);
    silence(folder);
    rmSync(join(folder, file), { force: true });
    writeFileSync(join(folder, file), JSON.stringify(order), { mode: 0o600 });
    process.on("exit", () => rmSync(join(folder, file), { force: true }));
}

/** Adds to the order what is known only later. */
export function amendOrder(stack: string, part: Partial<Order>): void {
    const path = join(orderFolder(stack), file);
    const order = JSON.parse(readFileSync(path, "utf8")) as Order;
    const aside = `${path}.partial`;
    writeFileSync(aside, JSON.stringify({ ...order, ...part }), { mode: 0o600 });
    // Commands may be reading it just now.
    renameSync(aside, path);
}

/**
 * Reads the order beside a command.
 *
 * @throws {Error} when the program has ended
 */
export function readOrder(folder: string): Order {
    try {
        return JSON.parse(readFileSync(join(folder, file), "utf8")) as Order;
    } catch {
        throw new Error("This is run by Pulumi, as long as its program runs: use understudy up, or pulumi up.");
    }
}

/** A stack's folder on a host. */
export function folderOn({ hosts, stack }: Pick<Order, "hosts" | "stack">, host: string): string {
    return `${hosts[host]?.folder}/${stack.replace("/", "-")}`;
}
