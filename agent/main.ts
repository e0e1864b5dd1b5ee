import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Command, commands, copyPlan, exitStatus, type Plan } from "../contract";
import { type BucketsCommand, type BucketsPlan, bucketsCommands } from "../contract/buckets";
import { identityPlan } from "../contract/identity";
import { type Publication, type PublisherCommand, publisherCommands } from "../contract/publication";
import { copyBuckets, planBuckets } from "./buckets/copy";
import { uploadDumps } from "./buckets/upload";
import { prepareMedia } from "./media/generation";
import { describeKept, retireMedia } from "./media/retire";
import { lookAtShared } from "./media/shared";
import { refuseIncompleteMedia } from "./media/volume";
import { countInUse } from "./neutral/identity/count";
import { proposeMasking } from "./neutral/mask/proposal";
import { runHooksOnce } from "./neutral/once";
import { parsePlan, readBucketsPlan, readPlan, readPublication } from "./plan";
import { prepareDatabase } from "./postgres/restore";
import { retireDatabases } from "./postgres/retire";
import { switchDatabase } from "./postgres/switch";
import { publishMedia } from "./publish/media/publish";
import { verifyMedia } from "./publish/media/verify";
import { publish } from "./publish/publish";
import { verifyStore } from "./publish/verify";
import { compareReferences, describeReferences } from "./references";
import { Refusal } from "./refusal";
import { smoke } from "./smoke";
import { survey, tellLive } from "./survey";

/** Where Kubernetes reads a container's last word. It keeps 4096 bytes. */
const terminationLog = process.env.UNDERSTUDY_TERMINATION_LOG ?? "/dev/termination-log";

/** Milliseconds that a stopped run has for removing what it was making. */
const grace = 10_000;

/** What each command does with a replica's plan. */
const replicaWork: Record<Command, (plan: Plan, signal: AbortSignal) => Promise<string>> = {
    "prepare-database": prepareDatabase,
    "prepare-media": (plan, signal) =>
        "shared" in plan.media
            ? lookAtShared(plan.media, signal)
            : prepareMedia({ ...plan, media: plan.media }, signal),
    switch: async (plan, signal) => {
        const copies = copyPlan(plan);
        await (copies && refuseIncompleteMedia(copies));
        const references = await (copies && compareReferences(copies, signal));
        const sentence = await switchDatabase(plan, signal);
        const hooks = await runHooksOnce("afterSwitch", plan, signal);
        await tellLive(plan, references);
        return `${sentence}${describeReferences(references)}${hooks}`;
    },
    smoke: async (plan, signal) => `${await smoke(plan, signal)}${await runHooksOnce("afterStart", plan, signal)}`,
    retire,
    survey,
    "mask-suggest": proposeMasking,
    "count-rewrites": countInUse,
};

/** What each command of production's side does with the plan of that side. */
const publisherWork: Record<PublisherCommand, (plan: Publication, signal: AbortSignal) => Promise<string>> = {
    publish,
    "verify-store": verifyStore,
    "publish-media": publishMedia,
    "verify-media": verifyMedia,
};

/** What each command does with the plan of bucket copies. */
const bucketsWork: Record<BucketsCommand, (plan: BucketsPlan, signal: AbortSignal) => Promise<string>> = {
    "plan-buckets": planBuckets,
    "copy-buckets": copyBuckets,
    "upload-dumps": (plan, signal) => uploadDumps(plan, signal),
};

async function main(): Promise<void> {
    const stop = new AbortController();
    process.once("SIGTERM", () => {
        const left =
            process.argv[2] === "copy-buckets"
                ? "what was copied is there, and the next run goes on with the rest"
                : "what is in use was not changed";
        stop.abort(new Error(`The run was stopped (SIGTERM); ${left}.`));
        setTimeout(() => end(exitStatus.failed, "The run was stopped; the next one removes what it has left."), grace);
    });
    try {
        end(exitStatus.done, await work(readArguments(), stop.signal));
    } catch (error) {
        const reason: unknown = stop.signal.aborted ? stop.signal.reason : error;
        const sentence = reason instanceof Error ? reason.message : String(reason);
        if (reason instanceof Refusal) {
            end(exitStatus.refused, `Refused, and nothing was changed: ${sentence}`);
        }
        end(exitStatus.failed, `Failed: ${sentence}`);
    }
}

/** What the agent was started for. */
interface Arguments {
    command: Command | PublisherCommand | BucketsCommand;
    path: string;
    generations?: string[];
    /** Rules in place of the plan's, as JSON. */
    rewrites?: string;
}

async function work({ command, path, generations, rewrites }: Arguments, signal: AbortSignal): Promise<string> {
    if (isPublishers(command)) {
        return publisherWork[command](await readPublication(path), signal);
    }
    if (isForBuckets(command)) {
        return bucketsWork[command](await readBucketsPlan(path), signal);
    }
    const plan = await readPlan({ path, command, generations, signal });
    const identity = rewrites === undefined ? {} : { identity: parsePlan(identityPlan, rewrites, "--rewrites") };
    return replicaWork[command]({ ...plan, ...identity }, signal);
}

function isPublishers(command: Arguments["command"]): command is PublisherCommand {
    return (publisherCommands as readonly string[]).includes(command);
}

function isForBuckets(command: Arguments["command"]): command is BucketsCommand {
    return (bucketsCommands as readonly string[]).includes(command);
}

function readArguments(): Arguments {
    const all = [...commands, ...publisherCommands, ...bucketsCommands];
    const usage = `usage: agent ${all.join("|")} --plan <file> [--generation <id>[,<id>]] [--rewrites <json>]`;
    try {
        const { positionals, values } = parseArgs({
            allowPositionals: true,
            options: { plan: { type: "string" }, generation: { type: "string" }, rewrites: { type: "string" } },
        });
        const command = all.find((known) => known === positionals[0]);
        if (command === undefined || positionals.length !== 1 || values.plan === undefined) {
            throw new Refusal(usage);
        }
        const { plan: path, generation, rewrites } = values;
        return {
            command,
            path,
            ...(generation !== undefined && { generations: generation.split(",") }),
            ...(rewrites !== undefined && { rewrites }),
        };
    } catch {
        throw new Refusal(usage);
    }
}

async function retire(plan: Plan, signal: AbortSignal): Promise<string> {
    const databases = await retireDatabases(plan, signal);
    const list = (ids: string[]) => (ids.length === 0 ? "none" : ids.join(", "));
    const copies = copyPlan(plan);
    const files = copies && (await retireMedia(copies, signal));
    const media = files === undefined ? "" : `; media ${list(files.removed)}`;
    const inUse = databases.inUse.length === 0 ? "" : ` Kept because in use: database ${list(databases.inUse)}.`;
    const bases = databases.bases.length === 0 ? "" : ` Removed bases: ${list(databases.bases)}.`;
    const foreign = files === undefined ? "" : describeKept(files);
    return `Removed generations: database ${list(databases.removed)}${media}.${bases}${inUse}${foreign}`;
}

/** Ends the run with its last word, on the log and where Kubernetes looks for it. */
function end(status: number, sentence: string): never {
    const text = sentence.replaceAll(/\s+/g, " ").trim();
    (status === exitStatus.done ? process.stdout : process.stderr).write(`${text}\n`);
    try {
        writeFileSync(terminationLog, Buffer.from(text).subarray(0, 4096));
    } catch {
        // Outside of a pod there is no such file, and the log has it all.
    }
    process.exit(status);
}

void main();
