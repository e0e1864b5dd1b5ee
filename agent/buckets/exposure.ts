import { AwsClient } from "aws4fetch";
import { copyMarker } from "../../contract/buckets";
import { Refusal } from "../refusal";
import type { Side } from "./side";

/** Milliseconds that a server has for an answer. */
const patience = 15_000;

/** What a bucket's own settings let everybody do, as far as they can be read. */
interface Settings {
    /** Whether policies, and access lists, that open the bucket are ignored. */
    blocks: { policy: boolean; list: boolean };
    /** Undefined where nobody may ask, or where the server does not know the question. */
    policy: boolean | undefined;
    list: boolean | undefined;
}

/**
 * Refuses a bucket that everybody can read.
 *
 * @returns what could not be found out, as sentences
 * @throws {Refusal}
 */
export async function refuseExposed(side: Side, signal: AbortSignal): Promise<string[]> {
    const refuse = (how: string) => {
        throw new Refusal(`${side.name} ${how}: make the bucket private before anything is copied there.`);
    };
    if (await isOpen(side, signal)) {
        refuse("can be read by anybody, without any key");
    }
    const found = await settingsOf(side, signal);
    if (found.policy && !found.blocks.policy) {
        refuse("is public by the bucket's policy");
    }
    if (found.list && !found.blocks.list) {
        refuse("is open to others by the bucket's access list");
    }
    const isKnown = {
        policy: found.blocks.policy || found.policy !== undefined,
        list: found.blocks.list || found.list !== undefined,
    };
    const what = [...(isKnown.policy ? [] : ["policy"]), ...(isKnown.list ? [] : ["access list"])];
    return what.length === 0
        ? []
        : [
              `${side.name} gives nothing to whoever has no key, but its bucket's ${what.join(" and ")} could not be read`,
          ];
}

/** Whether the server gives a list of the bucket, or the marker that every copy carries, to whoever asks. */
async function isOpen(side: Side, signal: AbortSignal): Promise<boolean> {
    const { prefix } = side.plan;
    const folder = prefix === undefined ? "" : `${prefix}/`;
    const addresses = [
        `${addressOf(side)}?list-type=2&max-keys=1&prefix=${encodeURIComponent(folder)}`,
        `${addressOf(side)}/${`${folder}${copyMarker}`.split("/").map(encodeURIComponent).join("/")}`,
    ];
    const answers = addresses.map((address) => fetch(address, { signal: within(signal), redirect: "manual" }));
    const found = await Promise.all(
        answers.map((answer) =>
            answer.then(
                ({ ok }) => ok,
                () => false,
            ),
        ),
    );
    signal.throwIfAborted();
    return found.some((ok) => ok);
}

/** What the bucket says of itself. Only keys that are known can ask: not those behind a profile or a role. */
async function settingsOf(side: Side, signal: AbortSignal): Promise<Settings> {
    const [block, policy, list] = await Promise.all(
        ["publicAccessBlock", "policyStatus", "acl"].map((question) => ask(side, question, signal)),
    );
    const is = (name: string) => new RegExp(`<${name}>\\s*true\\s*</${name}>`, "i").test(block?.text ?? "");
    return {
        blocks: { policy: is("RestrictPublicBuckets"), list: is("IgnorePublicAcls") },
        policy:
            policy &&
            (policy.ok ? /<IsPublic>\s*true\s*</i.test(policy.text) : isAbsent(policy.text, "NoSuchBucketPolicy")),
        list: list?.ok ? /\/groups\/global\/(AllUsers|AuthenticatedUsers)\b/.test(list.text) : undefined,
    };
}

/** An answer that there is no such thing means that it opens nothing. */
function isAbsent(text: string, code: string): false | undefined {
    return text.includes(`<Code>${code}</Code>`) ? false : undefined;
}

async function ask(side: Side, question: string, signal: AbortSignal) {
    const { identity, plan } = side;
    if (!("keys" in identity) || plan.role !== undefined) {
        return undefined;
    }
    const client = new AwsClient({ ...identity.keys, service: "s3", region: plan.region ?? "us-east-1", retries: 1 });
    try {
        const answer = await client.fetch(`${addressOf(side)}?${question}`, { signal: within(signal) });
        return { ok: answer.ok, text: await answer.text() };
    } catch {
        signal.throwIfAborted();
        return undefined;
    }
}

function addressOf({ plan: { endpoint, region = "us-east-1", bucket } }: Side): string {
    return `${(endpoint ?? `https://s3.${region}.amazonaws.com`).replace(/\/$/, "")}/${bucket}`;
}

function within(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(patience)]);
}
