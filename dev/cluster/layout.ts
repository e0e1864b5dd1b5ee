import { createHash } from "node:crypto";
import { join } from "node:path";
import { cache } from "../cache";

/** Where everything of one local cluster lies and what it is called. Follows from the cluster's name alone. */
export interface Layout {
    name: string;
    /** The node's name, the network namespace's, the context's and the control group's: all the same. */
    title: string;
    /** The folder with the cluster's state: certificates, etcd, images, volumes, logs. */
    state: string;
    /** The folder for sockets, gone after a reboot. Short, because a socket's path has 107 characters at most. */
    runtime: string;
    /** containerd's socket. */
    socket: string;
    /** The kubeconfig file of the cluster's administrator. */
    kubeconfig: string;
    /** The host's end of the cable between host and node. */
    hostLink: string;
    /** The host's address on that cable. */
    hostAddress: string;
    /** The node's address on it: that of the API server and of every NodePort. */
    nodeAddress: string;
}

/** What pods, Services and DNS have for addresses. Each cluster has a network of its own, so that all may have the same. */
export const addresses = {
    pods: "10.244.0.0/16",
    services: "10.96.0.0/16",
    apiService: "10.96.0.1",
    dnsService: "10.96.0.10",
} as const;

/** The API server's port on the node. */
export const apiPort = 6443;

/**
 * The layout of the cluster with this name.
 *
 * @throws Error if the name cannot be part of a host name.
 */
export function layoutOf(name: string): Layout {
    if (!/^[a-z][a-z0-9-]{0,29}$/.test(name) || name.endsWith("-")) {
        throw new Error(
            `"${name}" cannot name a cluster: use up to 30 lower-case letters, digits and hyphens, a letter first.`,
        );
    }
    const title = `understudy-${name}`;
    const state = join(cache, "clusters", name);
    const runtime = `/run/${title}`;
    const digest = createHash("sha256").update(name).digest();
    // 198.18.0.0/15 is set aside for test networks (RFC 2544), so nobody's office or cloud uses it. A cable takes four addresses.
    const cable = digest.readUInt16BE(0) % 32768;
    const address = (host: number) => {
        const offset = cable * 4 + host;
        return `198.${18 + (offset >> 16)}.${(offset >> 8) & 255}.${offset & 255}`;
    };
    return {
        name,
        title,
        state,
        runtime,
        socket: join(runtime, "containerd.sock"),
        kubeconfig: join(state, "kubeconfig"),
        hostLink: `us-${digest.toString("hex", 2, 7)}`,
        hostAddress: address(1),
        nodeAddress: address(2),
    };
}
