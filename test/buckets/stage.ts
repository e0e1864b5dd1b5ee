import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import { readPolicy, writePolicy } from "../../components/bucket-policies";
import {
    type BucketCopy,
    type BucketKeys,
    type BucketSidePlan,
    type BucketsPlan,
    bucketsEvent,
    bucketsVersion,
} from "../../contract/buckets";
import { run } from "../../dev/command";
import { ensureRclone } from "../../dev/rclone";
import { type Server, startServer } from "./server";

/** Production's bucket and a replica's on one server, each with an identity of its own that may do no more than it has to. */
export interface Stage {
    server: Server;
    rclone: string;
    folder: string;
    reader: BucketKeys;
    writer: BucketKeys;
    /** A file with keys, of mode 0600. */
    keyFile(name: string, keys: BucketKeys): string;
    side(bucket: string, prefix: string, keys: BucketKeys): BucketSidePlan;
    /** A copy of `production/site` to `replica/site`, as far as it is not said otherwise. */
    copy(change?: Partial<BucketCopy>): BucketCopy;
    plan(...copies: BucketCopy[]): BucketsPlan;
    /** Takes everything out of both buckets. */
    empty(): Promise<void>;
    /** Uploads an object in two parts, as many tools do with large ones: nobody knows a hash of it then. */
    putInParts(bucket: string, key: string, content: Buffer): Promise<void>;
    /** Asks the server with somebody's keys. */
    as(keys: BucketKeys, path: string, init: RequestInit): Promise<Response>;
    /** A file that an {@link altered} rclone has written. */
    read(name: string): string;
    /** rclone as people call it: one profile that may do everything. */
    oldWay(from: string, to: string, ...options: string[]): Promise<string>;
    /** Shell's way to write an object as the owner of all, with the real rclone. */
    writing(place: string): string;
    stop(): Promise<void>;
}

export async function startStage(): Promise<Stage> {
    const [server, rclone] = await Promise.all([startServer(), ensureRclone()]);
    const folder = mkdtempSync(join(tmpdir(), "understudy-keys-"));
    await server.bucket("production");
    await server.bucket("replica");
    const reader = await server.user("reader", readPolicy({ bucket: "production", prefix: "site" }));
    const writer = await server.user("writer", writePolicy({ bucket: "replica", prefix: "site" }));
    const keyFile = (name: string, keys: BucketKeys) => {
        const path = join(folder, name);
        writeFileSync(path, JSON.stringify(keys), { mode: 0o600 });
        return path;
    };
    const side = (bucket: string, prefix: string, keys: BucketKeys) => ({
        ...{ bucket, prefix, endpoint: server.endpoint },
        identity: { file: keyFile(keys.accessKeyId, keys) },
    });
    const anyRemote = `:s3,provider=Other,endpoint="${server.endpoint}",env_auth=true:`;
    return {
        ...{ server, rclone, folder, reader, writer, keyFile, side },
        copy: (change = {}) => ({
            from: side("production", "site", reader),
            to: side("replica", "site", writer),
            ...{ adopt: false, maximumDeletions: 20, minimumObjects: 1 },
            ...change,
        }),
        plan: (...copies) => ({ version: bucketsVersion, stack: "understudy/stage", rclone, parallelism: 16, copies }),
        async empty() {
            for (const bucket of ["production", "replica"]) {
                await server.ask(`${bucket}?policy`, { method: "DELETE" });
                const list = await (await server.ask(`${bucket}?list-type=2`)).text();
                await server.remove(
                    bucket,
                    ...[...list.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key = ""]) => decoded(key)),
                );
            }
        },
        async putInParts(bucket, key, content) {
            const started = await (await server.ask(`${bucket}/${key}?uploads`, { method: "POST" })).text();
            const id = /<UploadId>(.*?)</.exec(started)?.[1];
            const half = 5 * 2 ** 20;
            const parts = await Promise.all(
                [content.subarray(0, half), content.subarray(half)].map(async (part, at) => {
                    const path = `${bucket}/${key}?partNumber=${at + 1}&uploadId=${id}`;
                    const { headers } = await server.ask(path, { method: "PUT", body: part as BodyInit });
                    return `<Part><PartNumber>${at + 1}</PartNumber><ETag>${headers.get("etag")}</ETag></Part>`;
                }),
            );
            const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
            const answer = await server.ask(`${bucket}/${key}?uploadId=${id}`, { method: "POST", body });
            if (!answer.ok) {
                throw new Error(await answer.text());
            }
        },
        as: (keys, path, init) =>
            new AwsClient({ ...keys, service: "s3", region: "us-east-1", retries: 0 }).fetch(
                `${server.endpoint}/${path}`,
                init,
            ),
        read: (name) => readFileSync(join(folder, name), "utf8"),
        oldWay: (from, to, ...options) => {
            const args = ["sync", "--config=/dev/null", "--transfers=16", "--checksum", ...options, anyRemote + from];
            return run(rclone, [...args, anyRemote + to], { env: { ...process.env, ...environmentOf(server.owner) } });
        },
        writing: (place) => {
            const keys = Object.entries(environmentOf(server.owner)).map(([name, value]) => `${name}=${value}`);
            return `${keys.join(" ")} ${rclone} rcat --config=/dev/null '${anyRemote}${place}'`;
        },
        async stop() {
            await server.stop();
            rmSync(folder, { recursive: true });
        },
    };
}

export function environmentOf({ accessKeyId, secretAccessKey }: BucketKeys) {
    return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}

/** What a run has told programs. */
export function eventIn(log: string) {
    const line = log.split("\n").find((text) => text.startsWith('{"event":"buckets-')) ?? "";
    return bucketsEvent.parse(JSON.parse(line));
}

export const never = new AbortController().signal;

let scripts = 0;

/** An rclone that does something of its own for one command, where `$rclone` is the real one, and is else that. */
export function altered({ folder, rclone }: Stage, command: string, script: string): string {
    scripts += 1;
    const path = join(folder, `rclone-${scripts}`);
    writeFileSync(
        path,
        `#!/bin/sh\nrclone=${rclone}\nif [ "$1" = ${command} ]; then\n${script}\nfi\nexec $rclone "$@"\n`,
    );
    chmodSync(path, 0o755);
    return path;
}

/** A key out of a list in XML. */
function decoded(text: string): string {
    const entities: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&#34;": '"', "&#39;": "'" };
    return text.replace(/&(#?\w+);/g, (entity) => entities[entity] ?? entity);
}
