import { AwsClient } from "aws4fetch";
import type { Side } from "./side";

/** Milliseconds that a server has for an answer. */
const patience = 15_000;

export interface Answer {
    ok: boolean;
    text: string;
}

/**
 * Asks a side's server for what rclone has no words for, signed with the side's keys.
 *
 * @param path of the bucket, with a question
 * @returns undefined where nobody answers, or where the keys are not known: those behind a profile or a role
 */
export async function askSigned(
    side: Side,
    path: string,
    signal: AbortSignal,
    method = "GET",
): Promise<Answer | undefined> {
    const { identity, plan } = side;
    if (!("keys" in identity) || plan.role !== undefined) {
        return undefined;
    }
    const client = new AwsClient({ ...identity.keys, service: "s3", region: plan.region ?? "us-east-1", retries: 1 });
    return answered(client.fetch(`${addressOf(side)}${path}`, { method, signal: within(signal) }), signal);
}

/** Asks as anybody, without any key. */
export async function askUnsigned(side: Side, path: string, signal: AbortSignal): Promise<Answer | undefined> {
    return answered(fetch(`${addressOf(side)}${path}`, { redirect: "manual", signal: within(signal) }), signal);
}

async function answered(asked: Promise<Response>, signal: AbortSignal): Promise<Answer | undefined> {
    try {
        const answer = await asked;
        return { ok: answer.ok, text: await answer.text() };
    } catch {
        signal.throwIfAborted();
        return undefined;
    }
}

/** A key of a side's bucket as a path. */
export function pathOf(key: string): string {
    return `/${key.split("/").map(encodeURIComponent).join("/")}`;
}

/** What the keys of a side begin with. */
export function folderOf({ plan: { prefix } }: Side): string {
    return prefix === undefined ? "" : `${prefix}/`;
}

function addressOf({ plan: { endpoint, region = "us-east-1", bucket } }: Side): string {
    return `${(endpoint ?? `https://s3.${region}.amazonaws.com`).replace(/\/$/, "")}/${bucket}`;
}

function within(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(patience)]);
}
