import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { goProgram } from "../../../dev/go";
import { installPackages } from "../../../dev/packages";
import type { Ends } from "../ends";

/** Milliseconds that everything takes to a far file system and back. */
export const roundTrip = 2;

/** Mounts folders by SFTP, at the other end of a wire that everything takes a while to pass. */
export type MountFar = (folder: string, point: string, access: "read-only" | "read-write") => Promise<void>;

/** Makes what it takes to mount a folder as if it were far away. */
export async function farMounts(ends: Ends): Promise<MountFar> {
    await installPackages(["openssh-sftp-server"]);
    const program = await goProgram({ name: "far", module: join(__dirname, "go"), usual: "less than 1 min" });
    return async (folder, point, access) => {
        mkdirSync(point, { recursive: true });
        const child = spawn(
            program,
            [
                ...["-server", "/usr/lib/openssh/sftp-server", "-folder", folder, "-point", point],
                ...["-delay", `${roundTrip / 2}ms`, `-read-only=${access === "read-only"}`],
            ],
            // Ctrl-C is for the bench. Without it, however it has ended, nothing stays mounted.
            { stdio: ["pipe", "pipe", "inherit"], detached: true },
        );
        const ended = once(child, "exit");
        ends.add(async () => {
            child.stdin.end();
            await ended;
        });
        const mounted = once(child.stdout, "data");
        await Promise.race([
            mounted,
            ended.then(() => Promise.reject(new Error(`${point} cannot be mounted by FUSE.`))),
        ]);
    };
}
