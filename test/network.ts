/** A network of machines on this one: each a network namespace with an address of its own, on a switch with this machine. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../dev/command";
import { installPackages } from "../dev/packages";

/** Where a server listens. */
export interface Place {
    address: string;
    /** Program and arguments that a command is written behind to be run there. */
    enter: string[];
}

/** This machine as it is. */
export const loopback: Place = { address: "127.0.0.1", enter: [] };

export interface Network {
    /** Adds a machine, which reaches all others and is reached by them. Its firewall and routes are its own. */
    join(): Promise<Place>;
    close(): Promise<void>;
}

/**
 * Makes a network; wants root. Nothing of it is ever left over: a namespace lives as long as a process in it, and these end with the
 * test.
 */
export async function openNetwork(): Promise<Network> {
    await installPackages(["iproute2", "iptables"]);
    const subnet = `10.233.${randomInt(256)}`;
    // Names of interfaces have 15 characters at most.
    const cable = `us${randomBytes(4).toString("hex")}`;
    const hub = await openNamespace();
    const members = [hub];
    let ports = 0;
    const plug = async (pid: number, name: string) => {
        const port = `port${ports++}`;
        await inside(hub, "ip", "link", "add", port, "type", "veth", "peer", "name", name, "netns", String(pid));
        await inside(hub, "ip", "link", "set", port, "master", "switch", "up");
        const address = `${subnet}.${ports}`;
        const member = pid === process.pid ? [] : enter(pid);
        for (const words of [
            ["address", "add", `${address}/24`, "dev", name],
            ["link", "set", name, "up"],
        ]) {
            const [program = "", ...args] = [...member, "ip", ...words];
            await run(program, args);
        }
        return { address, enter: member };
    };
    await inside(hub, "ip", "link", "add", "switch", "up", "type", "bridge");
    await plug(process.pid, cable);
    return {
        async join() {
            const member = await openNamespace();
            members.push(member);
            await inside(member, "ip", "link", "set", "lo", "up");
            return plug(member.pid ?? 0, "uplink");
        },
        async close() {
            await run("ip", ["link", "delete", cable]);
            for (const member of members) {
                member.kill("SIGKILL");
            }
        },
    };
}

/** A process that does nothing, in a namespace of its own. */
async function openNamespace(): Promise<ChildProcess> {
    const holder = spawn("setpriv", ["--pdeathsig=KILL", "unshare", "--net", "sleep", "infinity"], { stdio: "ignore" });
    const own = readlinkSync("/proc/self/ns/net");
    while (readlinkSync(`/proc/${holder.pid}/ns/net`) === own) {
        await sleep(20);
    }
    return holder;
}

function enter(pid: number): string[] {
    return ["nsenter", `--net=/proc/${pid}/ns/net`, "--"];
}

async function inside({ pid = 0 }: ChildProcess, ...words: string[]): Promise<void> {
    const [program = "", ...args] = [...enter(pid), ...words];
    await run(program, args);
}
