import { renameSync } from "node:fs";
import { join } from "node:path";
import { hashOf, once } from "../../cache";
import { run } from "../../command";
import { step } from "../../step";
import type { ImageSpec } from "./spec";

const major = "20";

/** An image with the contract of the official `node:20-bookworm-slim`: Node's binary, and an account `node` with uid 1000. */
export async function nodeImage(): Promise<ImageSpec> {
    return {
        tags: [`node:${major}-bookworm-slim`],
        packages: ["libstdc++6"],
        users: [{ name: "node", uid: 1000, home: "/home/node" }],
        files: [
            { path: "/usr/local/bin/node", from: await nodeBinary(), mode: 0o755 },
            { path: "/usr/local/bin/docker-entrypoint.sh", from: join(__dirname, "node-entrypoint.sh"), mode: 0o755 },
        ],
        commands: ["ln -s node /usr/local/bin/nodejs"],
        entrypoint: ["docker-entrypoint.sh"],
        cmd: ["node"],
    };
}

/** Node's own release, as npm carries it for x64 and arm64. */
async function nodeBinary(): Promise<string> {
    const name = `node-linux-${process.arch}`;
    const folder = await once("node", hashOf(name, major), (partial) =>
        step(`fetch Node ${major}`, async () => {
            const packed = await run("npm", ["pack", "--silent", `${name}@${major}`], {
                cwd: partial,
                timeout: 300_000,
            }).catch((error: Error) => {
                throw new Error(`Node ${major} for images could not be fetched. ${error.message}`);
            });
            const archive = packed.trim().split("\n").at(-1) ?? "";
            await run("tar", ["--extract", `--file=${archive}`, "package/bin/node"], { cwd: partial });
            renameSync(join(partial, "package/bin/node"), join(partial, "node"));
            await run("rm", ["-r", archive, "package"], { cwd: partial });
        }),
    );
    return join(folder, "node");
}
