import { existsSync } from "node:fs";
import { run } from "../command";
import { addresses, type Layout } from "./layout";

const inside = "uplink";

/**
 * Makes the node's network: a namespace of its own and one cable to the host. The host's routing, forwarding and
 * filters stay as they are; the price is that pods reach the host and one another, and nothing beyond.
 */
export async function connect(layout: Layout): Promise<void> {
    const { title, hostLink, hostAddress, nodeAddress } = layout;
    if (!existsSync(`/run/netns/${title}`)) {
        await run("ip", ["netns", "add", title]);
    }
    if (!existsSync(`/sys/class/net/${hostLink}`)) {
        await run("ip", ["link", "add", hostLink, "type", "veth", "peer", "name", inside, "netns", title]);
    }
    await run("ip", ["-batch", "-"], {
        input: [`address replace ${hostAddress}/30 dev ${hostLink}`, `link set ${hostLink} up`, ""].join("\n"),
    });
    await run("ip", ["-netns", title, "-batch", "-"], {
        input: [
            "link set lo up",
            `address replace ${nodeAddress}/30 dev ${inside}`,
            `link set ${inside} up`,
            // A process of the node that calls a Service needs a route before the address is translated.
            `route replace ${addresses.services} dev ${inside}`,
            // Whatever lies beyond fails at once rather than after a minute: an image that is not there, a host on the internet.
            "route replace unreachable default",
            "",
        ].join("\n"),
    });
    // By default the kernel answers "unreachable" once a second only, and whoever asks more often waits in vain.
    await inNetwork(layout, "sysctl", ["-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0"]);
    // The host knows no way back to a pod's address, so pods call it by the node's. -C asks whether the rule is there.
    const rule = ["POSTROUTING", "-s", addresses.pods, "-o", inside, "-j", "MASQUERADE"];
    await inNetwork(layout, "iptables", ["-w", "-t", "nat", "-C", ...rule]).catch(() =>
        inNetwork(layout, "iptables", ["-w", "-t", "nat", "-A", ...rule]),
    );
}

/** Removes the namespace, and with it its addresses, rules and the cable. */
export async function disconnect(layout: Layout): Promise<void> {
    if (existsSync(`/sys/class/net/${layout.hostLink}`)) {
        await run("ip", ["link", "delete", layout.hostLink]);
    }
    if (existsSync(`/run/netns/${layout.title}`)) {
        await run("ip", ["netns", "delete", layout.title]);
    }
}

/** Whether the namespace and the cable are there. */
export function isConnected(layout: Layout): boolean {
    return existsSync(`/run/netns/${layout.title}`) && existsSync(`/sys/class/net/${layout.hostLink}`);
}

/** The arguments of `nsenter` that run a command in the node's network and, unlike `ip netns exec`, share all mounts. */
export function enter(layout: Layout): string[] {
    return [`--net=/run/netns/${layout.title}`, "--"];
}

function inNetwork(layout: Layout, command: string, args: string[]): Promise<string> {
    return run("nsenter", [...enter(layout), command, ...args]);
}
