import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import type { Policy } from "../../components/bucket-policies";
import type { BucketKeys } from "../../contract/buckets";
import { ensureVersitygw } from "../../dev/versitygw";
import { freePort } from "../postgres/server";

/** A real S3 server on loopback, whose users may do what their policies say. */
export interface Server {
    endpoint: string;
    /** Keys of whoever may do everything. */
    owner: BucketKeys;
    /** Where its buckets are, as folders. */
    folder: string;
    /** Makes a bucket. */
    bucket(name: string): Promise<void>;
    /** Makes a user with a policy of IAM's. */
    user(name: string, policy: Policy): Promise<BucketKeys>;
    put(bucket: string, objects: Record<string, string | Buffer>): Promise<void>;
    remove(bucket: string, ...keys: string[]): Promise<void>;
    /** Contents by key, the marker of copies left out. */
    objects(bucket: string): Promise<Record<string, string>>;
    /** Whatever else is to be asked, as the owner of everything. */
    ask(path: string, init?: RequestInit): Promise<Response>;
    stop(): Promise<void>;
}

const owner = { accessKeyId: "owner", secretAccessKey: "owner-of-all-the-buckets" } as const;

/** Starts a server without any bucket; ends with {@link Server.stop}. */
export async function startServer(): Promise<Server> {
    const program = await ensureVersitygw();
    const root = mkdtempSync(join(tmpdir(), "understudy-s3-"));
    const [folder, users, socket] = ["buckets", "users", "iam.sock"].map((name) => join(root, name)) as [
        string,
        string,
        string,
    ];
    mkdirSync(folder);
    mkdirSync(users);
    const [at, iamAt] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const env = {
        PATH: process.env.PATH,
        ROOT_ACCESS_KEY_ID: owner.accessKeyId,
        ROOT_SECRET_ACCESS_KEY: owner.secretAccessKey,
    };
    const start = (...args: string[]) => spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const iam = start(`--port=${iamAt}`, "iam", `--dir=${users}`, `--private-ports=${socket}`);
    await listening(iam, "private service listening on");
    const s3 = start(`--port=${at}`, `--iam-standalone-endpoint=${socket}`, "posix", folder);
    await listening(s3, "S3 service listening on");
    const endpoint = `http://${at}`;
    const client = new AwsClient({ ...owner, service: "s3", region: "us-east-1", retries: 0 });
    const iamClient = new AwsClient({ ...owner, service: "iam", region: "us-east-1", retries: 0 });
    const ask = (path: string, init?: RequestInit) => client.fetch(`${endpoint}/${path}`, init);
    const iamAsk = async (parameters: Record<string, string>) => {
        const body = new URLSearchParams({ Version: "2010-05-08", ...parameters }).toString();
        const headers = { "content-type": "application/x-www-form-urlencoded" };
        return succeeded(await iamClient.fetch(`http://${iamAt}/`, { method: "POST", headers, body }));
    };
    const pathOf = (bucket: string, key: string) => `${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`;
    return {
        endpoint,
        owner,
        folder,
        ask,
        async bucket(name) {
            await succeeded(await ask(name, { method: "PUT" }));
        },
        async user(UserName, policy) {
            await iamAsk({ Action: "CreateUser", UserName });
            const PolicyDocument = JSON.stringify(policy);
            await iamAsk({ Action: "PutUserPolicy", UserName, PolicyName: "all", PolicyDocument });
            const answer = await iamAsk({ Action: "CreateAccessKey", UserName });
            const value = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(answer)?.[1] ?? "";
            return { accessKeyId: value("AccessKeyId"), secretAccessKey: value("SecretAccessKey") };
        },
        async put(bucket, objects) {
            for (const [key, body] of Object.entries(objects)) {
                await succeeded(await ask(pathOf(bucket, key), { method: "PUT", body: body as BodyInit }));
            }
        },
        async remove(bucket, ...keys) {
            for (const key of keys) {
                await succeeded(await ask(pathOf(bucket, key), { method: "DELETE" }));
            }
        },
        async objects(bucket) {
            const list = await succeeded(await ask(`${bucket}?list-type=2&max-keys=1000`));
            const keys = [...list.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key = ""]) => key);
            const own = keys.filter((key) => !key.endsWith(".understudy.json")).sort();
            const contents = own.map(async (key) => [key, await succeeded(await ask(pathOf(bucket, key)))]);
            return Object.fromEntries(await Promise.all(contents));
        },
        async stop() {
            await Promise.all([s3, iam].map(ended));
            rmSync(root, { recursive: true, force: true });
        },
    };
}

async function succeeded(answer: Response): Promise<string> {
    const text = await answer.text();
    if (!answer.ok) {
        throw new Error(`${answer.url} has answered ${answer.status}: ${text}`);
    }
    return text;
}

function ended(child: ChildProcess): Promise<unknown> {
    const end = new Promise((resolve) => child.once("close", resolve));
    child.kill();
    return end;
}

function listening(child: ChildProcess, words: string): Promise<void> {
    return new Promise((resolve, reject) => {
        let log = "";
        const look = (chunk: Buffer) => {
            log = (log + chunk).slice(-10_000);
            if (log.includes(words)) {
                resolve();
            }
        };
        child.stdout?.on("data", look);
        child.stderr?.on("data", look);
        child.once("close", () => reject(new Error(`The S3 server has ended: ${log}`)));
    });
}
