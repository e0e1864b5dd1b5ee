import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Origin } from "../contract";
import { ensureRclone } from "../dev/rclone";

/** A bucket `shop` on a real S3 server on loopback. */
export interface Bucket {
    /** The folder whose files are the bucket's objects. */
    folder: string;
    /** How the agent is told of the bucket, or of a prefix of it, or of another bucket. */
    origin(path?: string): Exclude<Origin, string>;
    /** An rclone that does something of its own for one command, where `"$@"` are the arguments, and is else the real one. */
    altered(command: string, script: string): string;
    /** The environment that a Job of the agent gets; other values may be given for the credentials. */
    environment(keyId?: string, accessKey?: string): Record<string, string>;
    stop(): Promise<void>;
}

/** Credentials that the server accepts. */
export const credentials = { keyId: "reader-of-the-bucket", accessKey: "only-to-read-it" } as const;

/**
 * Starts a server with an empty bucket; ends with {@link Bucket.stop}.
 *
 * @param access `public` lets everybody in
 */
export async function startBucket(access: "private" | "public" = "private"): Promise<Bucket> {
    const rclone = await ensureRclone();
    const root = mkdtempSync(join(tmpdir(), "understudy-bucket-"));
    const folder = join(root, "buckets/shop");
    mkdirSync(folder, { recursive: true });
    const auth = access === "public" ? [] : [`--auth-key=${credentials.keyId},${credentials.accessKey}`];
    const server = spawn(
        rclone,
        // What is changed below the server is seen at once. With none at all, it forgets folders for seconds after each upload.
        [
            "serve",
            "s3",
            "--config=/dev/null",
            "--addr=127.0.0.1:0",
            "--dir-cache-time=1ms",
            ...auth,
            join(root, "buckets"),
        ],
        { stdio: ["ignore", "ignore", "pipe"] },
    );
    const endpoint = await addressOf(server);
    let scripts = 0;
    return {
        folder,
        origin: (path = "shop") => ({ rclone, remote: `source:${path}` }),
        altered(command, script) {
            scripts += 1;
            const path = join(root, `rclone-${scripts}`);
            writeFileSync(
                path,
                `#!/bin/sh\nrclone=${rclone}\nfor last; do :; done\nif [ "$1" = ${command} ]; then\n${script}\nfi\nexec $rclone "$@"\n`,
            );
            chmodSync(path, 0o755);
            return path;
        },
        environment: (keyId = credentials.keyId, accessKey = credentials.accessKey) => ({
            RCLONE_CONFIG_SOURCE_TYPE: "s3",
            RCLONE_CONFIG_SOURCE_PROVIDER: "Other",
            RCLONE_CONFIG_SOURCE_ENDPOINT: endpoint,
            RCLONE_CONFIG_SOURCE_ACCESS_KEY_ID: keyId,
            RCLONE_CONFIG_SOURCE_SECRET_ACCESS_KEY: accessKey,
        }),
        async stop() {
            const ended = new Promise((resolve) => server.once("close", resolve));
            server.kill();
            await ended;
            rmSync(root, { recursive: true, force: true });
        },
    };
}

/** The address that the server says it listens at. */
function addressOf(server: ChildProcess): Promise<string> {
    return new Promise((resolve, reject) => {
        let log = "";
        server.stderr?.on("data", (chunk) => {
            log += chunk;
            const [, address] = /Starting s3 server on \[(http:\S+?)\/?\]/.exec(log) ?? [];
            if (address !== undefined) {
                resolve(address);
            }
        });
        server.once("close", () => reject(new Error(`The S3 server has ended: ${log}`)));
    });
}
