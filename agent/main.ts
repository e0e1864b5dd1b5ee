import { writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { type Command, commands, copyPlan, copyPlans, exitStatus } from "../contract";
import {
    type BucketsCommand,
    type BucketsPlan,
    bucketsCommands,
    bucketsSchema,
    uploadsPlan,
} from "../contract/buckets";
import { configurationPlan, scanPlan } from "../contract/configuration";
import {
    copySending,
    type HostCommand,
    hostCommands,
    type ServicesPlan,
    servicesPlan,
    sourcePlan,
    wipePlan,
} from "../contract/hosts";
import { identityPlan } from "../contract/identity";
import type { ReplicaPlan } from "../contract/mysql";
import { type Publication, type PublisherCommand, publisherCommands } from "../contract/publication";
import { servingPlan } from "../contract/served";
import { type Attended, attend } from "./attended";
import { copyBuckets, planBuckets } from "./buckets/copy";
import { uploadDumps } from "./buckets/upload";
import { scanFolders } from "./configuration/scan";
import { writeFiles } from "./configuration/write";
import { engineOf } from "./engine";
import { prepareMedia } from "./media/generation";
import { linkMedia } from "./media/link";
import { describeKept, type RetiredMedia, retireMedia } from "./media/retire";
import { serveMedia } from "./media/serve";
import { servedSource } from "./media/served";
import { lookAtShared } from "./media/shared";
import { refuseIncompleteMedia } from "./media/volume";
import { fitting, parsePlan, readBucketsPlan, readPlan, readPublication, schemaOf } from "./plan";
import { publishMedia } from "./publish/media/publish";
import { verifyMedia } from "./publish/media/verify";
import { publish } from "./publish/publish";
import { verifyStore } from "./publish/verify";
import { describeReferences } from "./references";
import { Refusal } from "./refusal";
import { log, logTo } from "./report";
import { holdServices, startServices } from "./services/hold";
import { smoke } from "./smoke";
import { survey, tellLive } from "./survey";
import { sendCopy } from "./transfer/copy";
import { receiveDatabase } from "./transfer/database";
import { sendBackup } from "./transfer/send";
import { wipe } from "./wipe";

/** Where Kubernetes reads a container's last word. It keeps 4096 bytes. */
const terminationLog = process.env.UNDERSTUDY_TERMINATION_LOG ?? "/dev/termination-log";

/** Milliseconds that a stopped run has for removing what it was making. */
const grace = 10_000;

/** What each command does with a replica's plan. */
const replicaWork: Record<Command, (plan: ReplicaPlan, signal: AbortSignal) => Promise<string>> = {
    "prepare-database": (plan, signal) => engineOf(plan).prepare(signal),
    "prepare-media": prepareFiles,
    switch: async (plan, signal) => {
        const engine = engineOf(plan);
        for (const one of copyPlans(plan)) {
            await refuseIncompleteMedia(one);
        }
        const references = await engine.references(signal);
        const sentence = await engine.switch(signal);
        for (const one of copyPlans(plan)) {
            await linkMedia(one);
        }
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

/** What each command does with the plan of bucket copies. */
const bucketsWork: Record<BucketsCommand, (plan: BucketsPlan, signal: AbortSignal) => Promise<string>> = {
    "plan-buckets": planBuckets,
    "copy-buckets": copyBuckets,
};

/** What each command does that hosts alone have, with what it is told on its standard input. */
const hostWork: Record<HostCommand, (attended: Attended, signal: AbortSignal) => Promise<string>> = {
    "send-backup": ({ header }, signal) => sendBackup(fitting(sourcePlan, header.plan), signal),
    "receive-database": ({ header, input }, signal) => receiveDatabase(replicaPlan(header), input, signal),
    "upload-dumps": ({ header, input }, signal) => uploadDumps(fitting(uploadsPlan, header.plan), input, signal),
    "serve-media": ({ header, input }, signal) => serveMedia(fitting(servingPlan, header.plan), input, signal),
    "hold-services": ({ header, input }) => holdServices(servicesOf(header), input),
    "start-services": async ({ header, input }) => {
        for await (const _ of input) {
            // Its end is the word.
        }
        return startServices(servicesOf(header));
    },
    "send-copy": ({ header }, signal) => sendCopy(fitting(copySending, header.plan), signal),
    "write-files": ({ header, input }) => writeFiles(fitting(configurationPlan, header.plan), input),
    "scan-folders": ({ header }, signal) => scanFolders(fitting(scanPlan, header.plan), signal),
    wipe: ({ header }, signal) => wipe(fitting(wipePlan, header.plan), signal),
};

/** Commands for which the end of their input is no reason to end: a wipe is told all that it needs in one go. */
const outliving: readonly string[] = ["hold-services", "start-services", "write-files", "wipe"];

/** Commands whose standard output is for what they send. */
const sending: readonly string[] = ["send-backup", "serve-media", "send-copy"];

function replicaPlan({ plan }: Attended["header"]): ReplicaPlan {
    return fitting(schemaOf(plan), plan);
}

function servicesOf({ plan }: Attended["header"]): ServicesPlan {
    return fitting(servicesPlan, plan);
}

async function main(): Promise<void> {
    const stop = new AbortController();
    process.once("SIGTERM", () => {
        stop.abort(new Error(`The run was stopped (SIGTERM); ${leaving(process.argv[2])}.`));
        setTimeout(() => end(exitStatus.failed, "The run was stopped; the next one removes what it has left."), grace);
    });
    try {
        end(exitStatus.done, await work(readArguments(), stop));
    } catch (error) {
        const reason: unknown = stop.signal.aborted ? stop.signal.reason : error;
        const sentence = reason instanceof Error ? reason.message : String(reason);
        if (reason instanceof Refusal) {
            end(exitStatus.refused, `Refused, and nothing was changed: ${sentence}`);
        }
        end(exitStatus.failed, `Failed: ${sentence}`);
    }
}

/** What a command that is stopped leaves. */
function leaving(command: string | undefined): string {
    return command === "copy-buckets"
        ? "what was copied is there, and the next run goes on with the rest"
        : "what is in use was not changed";
}

/** What the agent was started for. */
interface Arguments {
    command: Command | PublisherCommand | BucketsCommand | HostCommand;
    /** The plan's file. On a host it arrives on standard input. */
    path?: string;
    generations?: string[];
    /** Rules in place of the plan's, as JSON. */
    rewrites?: string;
}

async function work({ command, path, generations, rewrites }: Arguments, stop: AbortController): Promise<string> {
    const { signal } = stop;
    if (path === undefined) {
        return attended(command, stop);
    }
    if (isPublishers(command)) {
        return publisherWork[command](await readPublication(path), signal);
    }
    if (isForBuckets(command)) {
        return bucketsWork[command](await readBucketsPlan(path), signal);
    }
    if (isHosts(command)) {
        throw new Refusal(usage);
    }
    const plan = await readPlan({ path, command, generations, signal });
    const identity = rewrites === undefined ? {} : { identity: parsePlan(identityPlan, rewrites, "--rewrites") };
    return replicaWork[command]({ ...plan, ...identity }, signal);
}

/** A run on a host, which is told what to do by whoever waits for it. */
async function attended(command: Arguments["command"], stop: AbortController): Promise<string> {
    if (sending.includes(command)) {
        logTo(process.stderr);
    }
    const run = await attend(dirname(process.argv[1] ?? ""), () => {
        if (!outliving.includes(command)) {
            stop.abort(new Error(`Whoever waited for this run is gone; ${leaving(command)}.`));
        }
    });
    if (isHosts(command)) {
        return hostWork[command](run, stop.signal);
    }
    if (isPublishers(command)) {
        throw new Refusal(usage);
    }
    if (isForBuckets(command)) {
        return bucketsWork[command](fitting(bucketsSchema, run.header.plan), stop.signal);
    }
    const plan = replicaPlan(run.header);
    const copies = copyPlan(plan);
    const { source } = copies?.media ?? {};
    if (command === "prepare-media" && copies !== undefined && typeof source === "object" && "host" in source) {
        return prepareMedia(copies, stop.signal, undefined, servedSource(run.input));
    }
    return replicaWork[command](plan, stop.signal);
}

function isHosts(command: Arguments["command"]): command is HostCommand {
    return (hostCommands as readonly string[]).includes(command);
}

function isPublishers(command: Arguments["command"]): command is PublisherCommand {
    return (publisherCommands as readonly string[]).includes(command);
}

function isForBuckets(command: Arguments["command"]): command is BucketsCommand {
    return (bucketsCommands as readonly string[]).includes(command);
}

const all = [...commands, ...publisherCommands, ...bucketsCommands, ...hostCommands];
const usage = `usage: agent ${all.join("|")} [--plan <file> [--generation <id>[,<id>]] [--rewrites <json>]]`;

function readArguments(): Arguments {
    try {
        const { positionals, values } = parseArgs({
            allowPositionals: true,
            options: { plan: { type: "string" }, generation: { type: "string" }, rewrites: { type: "string" } },
        });
        const command = all.find((known) => known === positionals[0]);
        if (command === undefined || positionals.length !== 1) {
            throw new Refusal(usage);
        }
        const { plan: path, generation, rewrites } = values;
        return {
            command,
            ...(path !== undefined && { path }),
            ...(generation !== undefined && { generations: generation.split(",") }),
            ...(rewrites !== undefined && { rewrites }),
        };
    } catch {
        throw new Refusal(usage);
    }
}

async function prepareFiles(plan: ReplicaPlan, signal: AbortSignal): Promise<string> {
    const copies = copyPlan(plan);
    if (copies !== undefined) {
        return prepareMedia(copies, signal);
    }
    return "shared" in plan.media ? lookAtShared(plan.media, signal) : "The replica has no media: nothing to do.";
}

async function retire(plan: ReplicaPlan, signal: AbortSignal): Promise<string> {
    const databases = await engineOf(plan).retire(signal);
    const list = (ids: string[]) => (ids.length === 0 ? "none" : ids.join(", "));
    const all: RetiredMedia[] = [];
    for (const copies of copyPlans(plan)) {
        all.push(await retireMedia(copies, signal));
    }
    const files = { removed: all.flatMap(({ removed }) => removed), kept: all.flatMap(({ kept }) => kept) };
    const media = all.length === 0 ? "" : `; media ${list(files.removed)}`;
    const inUse = databases.inUse.length === 0 ? "" : ` Kept because in use: database ${list(databases.inUse)}.`;
    const bases = databases.bases.length === 0 ? "" : ` Removed bases: ${list(databases.bases)}.`;
    return `Removed generations: database ${list(databases.removed)}${media}.${bases}${inUse}${describeKept(files)}`;
}

/** Ends the run with its last word, on the log and where Kubernetes looks for it. */
function end(status: number, sentence: string): never {
    const text = sentence.replaceAll(/\s+/g, " ").trim();
    if (status === exitStatus.done) {
        log(text);
    } else {
        process.stderr.write(`${text}\n`);
    }
    try {
        writeFileSync(terminationLog, Buffer.from(text).subarray(0, 4096));
    } catch {
        // Outside of a pod there is no such file, and the log has it all.
    }
    process.exit(status);
}

void main();
