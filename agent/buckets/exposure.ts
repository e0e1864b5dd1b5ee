import { copyMarker } from "../../contract/buckets";
import { Refusal } from "../refusal";
import type { Side } from "./side";
import { type Answer, askSigned, askUnsigned, folderOf, pathOf } from "./signed";

/** What a bucket lets everybody do, by its policy and by its access list; undefined where that cannot be found out. */
interface Openness {
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
    const { policy, list } = await opennessOf(side, signal);
    if (policy) {
        refuse("is public by the bucket's policy");
    }
    if (list) {
        refuse("is open to others by the bucket's access list");
    }
    const what = [...(policy === undefined ? ["policy"] : []), ...(list === undefined ? ["access list"] : [])];
    return what.length === 0
        ? []
        : [`whether the bucket of ${side.name} is public by its ${what.join(" or ")}; without a key it gives nothing`];
}

/** Whether the server gives a list, or the marker that every copy carries, to whoever asks. */
async function isOpen(side: Side, signal: AbortSignal): Promise<boolean> {
    const folder = folderOf(side);
    const paths = [`?list-type=2&max-keys=1&prefix=${encodeURIComponent(folder)}`, pathOf(`${folder}${copyMarker}`)];
    const answers = await Promise.all(paths.map((path) => askUnsigned(side, path, signal)));
    return answers.some((answer) => answer?.ok);
}

async function opennessOf(side: Side, signal: AbortSignal): Promise<Openness> {
    const [block, status, acl] = await Promise.all(
        ["?publicAccessBlock", "?policyStatus", "?acl"].map((question) => askSigned(side, question, signal)),
    );
    return {
        policy: says(block, "RestrictPublicBuckets") ? false : isPublicByPolicy(status),
        list: says(block, "IgnorePublicAcls") ? false : isPublicByList(acl),
    };
}

function isPublicByPolicy(answer: Answer | undefined): boolean | undefined {
    if (answer?.text.includes("<Code>NoSuchBucketPolicy</Code>")) {
        return false;
    }
    return answer?.ok ? says(answer, "IsPublic") : undefined;
}

function isPublicByList(answer: Answer | undefined): boolean | undefined {
    return answer?.ok ? /\/groups\/global\/(AllUsers|AuthenticatedUsers)\b/.test(answer.text) : undefined;
}

function says(answer: Answer | undefined, name: string): boolean {
    return new RegExp(`<${name}>\\s*true\\s*</${name}>`, "i").test(answer?.text ?? "");
}
