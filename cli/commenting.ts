/** `understudy preview <stack> --format markdown`: a comment is made of what can be known, whatever that is. */
import { previewOf } from "../preview";
import { hostPreviewOf } from "../preview/hosts";
import type { Preview } from "../preview/summary";
import { type AnySettings, parseStack } from "../settings";
import { type CommentFacts, commentView } from "./comment";
import { operate } from "./operation";
import { checkPolicy } from "./policy";
import { project } from "./project";
import { reasonOf } from "./reason";
import { openStack } from "./stack";
import { readStackFile } from "./stack-files";
import { wipeOf } from "./wiping";

/**
 * Prints the comment on a stack. Where Pulumi's state cannot be opened, as from a fork's pull request, which gets no
 * secret, it is made of the stack file alone and says what is not known.
 *
 * @returns whether nothing was refused
 */
export async function comment(name: string): Promise<boolean> {
    const facts: CommentFacts = { stack: name, removals: [], warnings: [], errors: [] };
    const view = commentView(facts);
    try {
        const settings = parseStack(await readStackFile(process.cwd(), name), project, name);
        facts.wipe = wipeOf(settings, name);
        const closed = await whyClosed(name);
        if (closed === undefined) {
            return await operate(name, "preview", view);
        }
        await checkPolicy(settings, name);
        const preview = fromFile(settings, `${project}/${name}`);
        Object.assign(facts, { ...(preview && { preview }), warnings: [stateUnknown(closed)] });
        view.end({ result: "succeeded", generations: null });
        return true;
    } catch (error) {
        facts.errors.push(...reasonOf(error).split("\n"));
        view.end({ result: "failed", generations: null });
        return false;
    }
}

/** Why Pulumi's state, or what the stack file has encrypted, cannot be read; undefined if it can. */
async function whyClosed(name: string): Promise<string | undefined> {
    try {
        await (await openStack(name)).getAllConfig();
        return undefined;
    } catch (error) {
        return reasonOf(error);
    }
}

function stateUnknown(why: string): string {
    const reason = why.trim().split("\n", 1)[0]?.replace(/\.$/, "");
    return (
        `Pulumi's state could not be opened (${reason}): neither what stands, nor production's tag and backups, nor the ` +
        "objects that would be changed are known."
    );
}

/** What a stack file asks for, by itself; nothing is to be told of production's side. */
function fromFile(settings: AnySettings, stack: string): Preview | undefined {
    switch (settings.role) {
        case "source":
            return undefined;
        case "hosts":
            return hostPreviewOf(settings, stack, { problems: ["No host was looked at."] });
        case "replica":
            return previewOf(settings, stack, undefined);
    }
}
