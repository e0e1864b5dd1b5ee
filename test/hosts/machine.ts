/** A machine of its own as far as ssh can tell: an OpenSSH server from Debian with its own keys and folder. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { installPackages } from "../../dev/packages";
import { loopback, type Place } from "../network";
import { freePort } from "../postgres/server";

export interface Machine {
    name: string;
    place: Place;
    port: number;
    /** Its own folder: everything that is brought to it lies below. */
    folder: string;
    /** Line for a known_hosts file. */
    knownHosts: string;
    /** What a stack file says of it. */
    reach: Record<string, unknown>;
    /** Ends its ssh server and every connection to it. */
    kill(): Promise<void>;
    start(): Promise<void>;
}

/** The key that lets somebody in everywhere, and one that does so nowhere. */
export interface Keys {
    good: string;
    bad: string;
    public: string;
}

/** Makes keys in a folder. */
export async function makeKeys(folder: string): Promise<Keys> {
    if (!existsSync("/usr/sbin/sshd")) {
        await installPackages(["openssh-server"]);
    }
    const make = (name: string) => {
        execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", join(folder, name)]);
        return readFileSync(join(folder, name), "utf8");
    };
    const good = make("good");
    return { good, bad: make("bad"), public: readFileSync(join(folder, "good.pub"), "utf8") };
}

/** Starts a machine that lets in whoever has the good key: on loopback, or in a network with an address of its own. */
export async function startMachine(root: string, name: string, keys: Keys, place = loopback): Promise<Machine> {
    const folder = join(root, name);
    mkdirSync(join(folder, "var"), { recursive: true });
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", join(folder, "host")]);
    writeFileSync(join(folder, "authorized"), keys.public);
    const port = await freePort();
    const settings = {
        Port: port,
        ListenAddress: place.address,
        HostKey: join(folder, "host"),
        AuthorizedKeysFile: join(folder, "authorized"),
        PidFile: "none",
        UsePAM: "no",
        StrictModes: "no",
        PasswordAuthentication: "no",
        PermitRootLogin: "prohibit-password",
        LogLevel: "ERROR",
        // Programs of its own, as systemd's that is not there.
        SetEnv: `PATH=${join(folder, "bin")}:${process.env.PATH}`,
    };
    writeFileSync(
        join(folder, "sshd_config"),
        `${Object.entries(settings)
            .map((pair) => pair.join(" "))
            .join("\n")}\n`,
    );
    mkdirSync("/run/sshd", { recursive: true });
    const [kind = "", key = ""] = readFileSync(join(folder, "host.pub"), "utf8").split(" ");
    const knownHosts = `[${place.address}]:${port} ${kind} ${key}`;
    let child: ChildProcess | undefined;
    const machine: Machine = {
        name,
        place,
        port,
        folder,
        knownHosts,
        reach: {
            ssh: { host: place.address, port, user: userInfo().username, key: keys.good, knownHosts },
            folder: join(folder, "var"),
            node: process.execPath,
        },
        async start() {
            // A group of its own, with all that its connections start.
            child = spawn(
                "setpriv",
                ["--pdeathsig=KILL", ...place.enter, "/usr/sbin/sshd", "-D", "-e", "-f", join(folder, "sshd_config")],
                {
                    detached: true,
                    stdio: "ignore",
                },
            );
            while (!(await answers(place, port))) {
                await sleep(20);
            }
        },
        async kill() {
            for (const pid of [...connectionsOf(child?.pid), child?.pid].filter((pid) => pid !== undefined)) {
                try {
                    process.kill(pid, "SIGKILL");
                } catch {
                    // It has gone by itself.
                }
            }
            while (await answers(place, port)) {
                await sleep(20);
            }
        },
    };
    await machine.start();
    return machine;
}

/** The processes of a server that serve one connection each. */
function connectionsOf(pid: number | undefined): number[] {
    if (pid === undefined) {
        return [];
    }
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
        .trim()
        .split(" ")
        .filter(Boolean)
        .map(Number);
    return children.flatMap((child) => [
        child,
        ...connectionsOf(child).filter((one) => commandOf(one).startsWith("sshd")),
    ]);
}

function commandOf(pid: number): string {
    try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
        return "";
    }
}

function answers({ address }: Place, port: number): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = connect(port, address);
        socket.once("data", () => {
            socket.destroy();
            resolve(true);
        });
        socket.once("error", () => resolve(false));
        socket.once("close", () => resolve(false));
    });
}
