/** What the replica's machines must not reach, as production's database: they try before anything is done. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { nodeOn, nodeProblem } from "./agent";
import { onHost } from "./install";
import { type Order, replicaHostsOf } from "./order";
import { quoted, type Ways } from "./way";

/** `nameless`: the machine knows no address by that name; `untried`: it has no Node yet, which is still to be brought. */
const found = z.enum(["closed", "reached", "nameless", "untried"]);

/** What came of it when a machine tried to reach an address. */
export interface Attempt {
    host: string;
    address: string;
    found: z.infer<typeof found>;
}

/**
 * Lets a machine try to reach each address of an order, all at once; takes some seconds at most. It need not have the agent.
 *
 * @throws {Error} when the machine cannot be reached, or has no Node and is to get none
 */
export async function attempts({ unreachable, ...order }: Order, ways: Ways, host: string): Promise<Attempt[]> {
    if (unreachable.length === 0) {
        return [];
    }
    const node = nodeOn(order, host);
    const words = unreachable.map(quoted).join(" ");
    const said = await onHost(
        ways,
        host,
        `command -v ${node} >/dev/null || exit 0; exec ${node} - ${words}`,
        readFileSync(join(__dirname, "attempt.cjs")),
    );
    if (said === "" && order.hosts[host]?.bringNode !== true) {
        throw new Error(nodeProblem(host));
    }
    const all = said === "" ? unreachable.map(() => "untried" as const) : z.array(found).parse(JSON.parse(said));
    return unreachable.map((address, at) => ({ host, address, found: all[at] ?? "untried" }));
}

/**
 * The same for a machine that had no Node before.
 *
 * @throws {Error} when it reaches one of them
 */
export async function expectClosed(order: Order, ways: Ways, host: string): Promise<void> {
    const [problem] = replicaHostsOf(order).includes(host) ? isolationProblems(await attempts(order, ways, host)) : [];
    if (problem !== undefined) {
        throw new Error(`${problem} No data was brought.`);
    }
}

/** What speaks against an update, a sentence each. */
export function isolationProblems(all: Attempt[]): string[] {
    return all.flatMap(({ host, address, found }) => {
        switch (found) {
            case "reached":
                return (
                    `Host ${host} reaches ${address}, which isolation.unreachable names: close the way there in a firewall ` +
                    "or by a route, or take the address out of the list."
                );
            case "nameless":
                return (
                    `Host ${host} knows no address of ${address}, so that nobody can tell whether it would reach it: ` +
                    "write the address in place of the name to isolation.unreachable."
                );
            default:
                return [];
        }
    });
}

/** From where each address was tried in vain, and where nobody has tried yet. */
export function describeIsolation(all: Attempt[]): string {
    const told = (wanted: Attempt["found"], how: string) =>
        [...new Set(all.map(({ address }) => address))].flatMap((address) => {
            const hosts = all.filter((one) => one.address === address && one.found === wanted).map(({ host }) => host);
            return hosts.length === 0 ? [] : `${address} ${how} ${hosts.join(", ")}`;
        });
    return [...told("closed", "from"), ...told("untried", "not yet tried, for want of Node, from")].join("; ");
}
