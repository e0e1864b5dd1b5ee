import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Command, commands, copyPlan, exitStatus } from "../contract";
import { identityPlan } from "../contract/identity";
import { type Publication, type PublisherCommand, publisherCommands } from "../contract/publication";
import { engineOf, type ReplicaPlan } from "./engine";
import { prepareMedia } from "./media/generation";
import { describeKept, retireMedia } from "./media/retire";
import { lookAtShared } from "./media/shared";
import { refuseIncompleteMedia } from "./media/volume";
import { parsePlan, readPlan, readPublication } from "./plan";
import { publishMedia } from "./publish/media/publish";
import { verifyMedia } from "./publish/media/verify";
import { publish } from "./publish/publish";
import { verifyStore } from "./publish/verify";
import { describeReferences } from "./references";
import { Refusal } from "./refusal";
import { smoke } from "./smoke";
import { survey, tellLive } from "./survey";

/** Where Kubernetes reads a container's last word. It keeps 4096 bytes. */
const terminationLog = process.env.UNDERSTUDY_TERMINATION_LOG ?? "/dev/termination-log";

/** Milliseconds that a stopped run has for removing what it was making. */
const grace = 10_000;

/** What each command does with a replica's plan. */
const replicaWork: Record<Command, (plan: ReplicaPlan, signal: AbortSignal) => Promise<string>> = {
    "prepare-database": (plan, signal) => engineOf(plan).prepare(signal),
    "prepare-media": (plan, signal) =>
        "shared" in plan.media
            ? lookAtShared(plan.media, signal)
            : prepareMedia({ ...plan, media: plan.media }, signal),
    switch: async (plan, signal) => {
        const copies = copyPlan(plan);
        const engine = engineOf(plan);
        await (copies && refuseIncompleteMedia(copies));
        const references = await engine.references(signal);
        const sentence = await engine.switch(signal);
        const hooks = await engine.hooks("afterSwitch", signal);
        await tellLive(plan, references);
        return `${sentence}${describeReferences(references)}${hooks}`;
    },
    smoke: async (plan, signal) => `${await smoke(plan, signal)}${await engineOf(plan).hooks("afterStart", signal)}`,
    retire,
    survey,
    "mask-suggest": (plan, signal) => engineOf(plan).proposeMasking(signal),
    "count-rewrites": (plan, signal) => engineOf(plan).countRewrites(signal),
};

/** What each command of production's side does with the plan of that side. */
const publisherWork: Record<PublisherCommand, (plan: Publication, signal: AbortSignal) => Promise<string>> = {
    publish,
    "verify-store": verifyStore,
    "publish-media": publishMedia,
    "verify-media": verifyMedia,
};

async function main(): Promise<void> {
    const stop = new AbortController();
    process.once("SIGTERM", () => {
        stop.abort(new Error("The run was stopped (SIGTERM); what is in use was not changed."));
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
    command: Command | PublisherCommand;
    path: string;
    generations?: string[];
    /** Rules in place of the plan's, as JSON. */
    rewrites?: string;
}

async function work({ command, path, generations, rewrites }: Arguments, signal: AbortSignal): Promise<string> {
    if (isPublishers(command)) {
        return publisherWork[command](await readPublication(path), signal);
    }
    const plan = await readPlan({ path, command, generations, signal });
    const identity = rewrites === undefined ? {} : { identity: parsePlan(identityPlan, rewrites, "--rewrites") };
    return replicaWork[command]({ ...plan, ...identity }, signal);
}

function isPublishers(command: Arguments["command"]): command is PublisherCommand {
    return (publisherCommands as readonly string[]).includes(command);
}

function readArguments(): Arguments {
    const all = [...commands, ...publisherCommands];
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

async function retire(plan: ReplicaPlan, signal: AbortSignal): Promise<string> {
    const databases = await engineOf(plan).retire(signal);
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
