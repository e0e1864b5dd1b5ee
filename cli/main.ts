/**
 * `understudy <command> <stack>`: Pulumi's own operations on this project's stacks, through its Automation API, and
 * what leads up to them. Plain `pulumi preview`, `pulumi up` and `pulumi destroy` do the same work.
 */
import type { Stack } from "@pulumi/pulumi/automation";
import { bundle } from "../agent/bundle";
import { proposal } from "../contract/masking";
import { refusals } from "../preflight";
import { hostAnnounceObjections } from "../preflight/hosts";
import { failedRuns } from "../record";
import type { Settings } from "../settings";
import type { HostSettings } from "../settings/hosts";
import { look } from "../sighting";
import { describeAccess, lookAtAccess } from "./access";
import { type AnnounceRequest, announcementFor, announcementOnHosts, makeAnnouncement } from "./announce";
import { type CommandLine, readArguments } from "./arguments";
import { askAgent } from "./asking";
import { makeBundle } from "./bundle";
import { comment } from "./commenting";
import { drill } from "./drill";
import { extend, ttl } from "./expire";
import { askTarget, describeHosts, lookAt, refreshedOnHosts, rolledBackOnHosts } from "./hosts";
import { markerOf } from "./marker";
import { tellerOf } from "./notice";
import { operate } from "./operation";
import { describeOverview, standingsIn } from "./overview";
import { writePage } from "./page";
import { project } from "./project";
import { maskingFile } from "./proposal";
import { reasonOf } from "./reason";
import { applied, type Changes, type RefreshRequest, refreshed, upToDate } from "./refresh";
import { countRewrites, describeRewrites } from "./rewrites";
import { rolledBack } from "./rollback";
import { anySettingsOf, openStack, replicaSettingsOf, settingsOf, writeSettings } from "./stack";
import { describeBackups, describeStatus, statusOf } from "./status";
import { survey, surveyAsleep } from "./survey";
import { jsonView, textView, type View } from "./view";
import { wipe } from "./wiping";

async function run(line: CommandLine, view: View): Promise<boolean> {
    const { command, stack: name, argument = "", flags } = line;
    if (["refresh", "rollback", "announce", "backups", "status"].includes(command) && flags.all !== true) {
        const stack = await openStack(name);
        const settings = await anySettingsOf(stack);
        if (settings.role === "hosts") {
            return onHosts(line, view, stack, settings);
        }
    }
    switch (command) {
        case "preview":
            return flags.format === undefined
                ? operate(name, command, view, { diff: flags.diff === true })
                : comment(name);
        case "up":
            return operate(name, command, view);
        case "refresh":
            return changed(name, view, (settings) => refreshedIn(settings, name, view, flags));
        case "rollback":
            return changed(
                name,
                view,
                async (settings, stack) =>
                    rolledBack(settings, await survey(settings, name), await stack.history(), name),
                // The former copy was made under the tag that production ran then.
                { allowTagMismatch: "a rollback to a copy that was made before" },
            );
        case "deploy":
            return changed(name, view, async () => ({ imageTag: argument }));
        case "page":
            await writePage(argument, await standingsIn(process.cwd(), look));
            return true;
        case "bundle":
            return bundleOf(name, argument, flags);
        case "wipe":
            return wipe(name, view, flags);
        case "announce":
            return announce(name, flags);
        case "drill":
            return drill(name, view);
        case "extend":
            return extend(name, argument, flags.reason, view);
        case "ttl":
            return ttl(name, view);
        case "marker":
            process.stdout.write(await markerOf(name));
            return true;
        case "mask suggest":
            return suggest(name);
        case "rewrites": {
            const found = await countRewrites(await replicaSettingsOf(await openStack(name)), name);
            process.stdout.write(`${flags.json === true ? JSON.stringify(found) : describeRewrites(found)}\n`);
            return true;
        }
        case "backups":
        case "status":
            if (flags.access === true) {
                return showAccess(name, flags.json === true);
            }
            if (flags.all === true) {
                return showAll(flags.json === true);
            }
            return show(name, command, flags.json === true);
    }
}

/** What has to be written for a refresh; undefined, and a line that says so, when only newer data is wanted and there is none. */
async function refreshedIn(
    settings: Settings,
    name: string,
    view: View,
    flags: CommandLine["flags"],
): Promise<Changes | undefined> {
    const found = await survey(settings, name);
    const nothingNewer = flags["if-newer"] === true ? upToDate(found) : undefined;
    if (nothingNewer !== undefined) {
        view.say(nothingNewer);
        return undefined;
    }
    return refreshed(settings, found, refreshRequest(flags));
}

function refreshRequest(flags: CommandLine["flags"]): RefreshRequest {
    return {
        ...(flags["database-only"] === true && { only: "database" }),
        ...(flags["media-only"] === true && { only: "media" }),
        ...(flags.to !== undefined && { to: flags.to }),
    };
}

/** The same of a replica on hosts. What speaks against a change, its update finds out. */
async function onHosts(line: CommandLine, view: View, stack: Stack, settings: HostSettings): Promise<boolean> {
    const { command, stack: name, flags } = line;
    if (flags["if-newer"] === true) {
        throw new Error(
            "--if-newer compares with the backups in production's store, and a replica on hosts has none: leave it out. " +
                "Nothing was changed.",
        );
    }
    const sighting = await lookAt(settings, name);
    if (command === "refresh" || command === "rollback") {
        const changes =
            command === "refresh"
                ? refreshedOnHosts(settings, refreshRequest(flags))
                : rolledBackOnHosts(settings, sighting.survey ?? nothing, await stack.history(), name);
        const makesCopies = Object.keys(changes).some((path) => !path.startsWith("buckets."));
        refuse(hostAnnounceObjections(settings, `${project}/${name}`, sighting, makesCopies));
        await write(stack, name, changes);
        return operate(name, "up", view);
    }
    if (command === "announce") {
        const id = `${project}/${name}`;
        const announcement = announcementOnHosts(settings, id, sighting, announceRequest(flags));
        tell(await makeAnnouncement(settings, id, announcement));
        return true;
    }
    const json = command === "backups" ? (sighting.survey?.databases ?? []) : sighting;
    process.stdout.write(`${flags.json === true ? JSON.stringify(json) : describeHosts(settings, sighting)}\n`);
    return true;
}

const nothing = { databases: [], media: [] };

function refuse(problems: string[]): void {
    if (problems.length > 0) {
        throw new Error(`${problems.join("\n")} Nothing was changed, and the stack file neither.`);
    }
}

async function write(stack: Stack, name: string, changes: Changes): Promise<void> {
    for (const [path, value] of Object.entries(changes)) {
        process.stderr.write(`Pulumi.${name}.yaml: ${path} is now ${value}\n`);
    }
    await writeSettings(stack, changes);
}

/**
 * Writes to the stack file what is to be different, unless something speaks against it, then makes it so.
 *
 * @param choose says what that is; undefined if nothing is to be done
 */
async function changed(
    name: string,
    view: View,
    choose: (settings: Settings, stack: Stack) => Promise<Changes | undefined>,
    overrides: Record<string, string> = {},
): Promise<boolean> {
    const stack = await openStack(name);
    const settings = await settingsOf(stack);
    const changes = await choose(settings, stack);
    if (changes === undefined) {
        view.end({ result: "succeeded", generations: null });
        return true;
    }
    const wanted = applied(settings, { ...changes, ...overrides });
    const problems = refusals(wanted, `${project}/${name}`, await look(settings));
    refuse(problems);
    if (Object.keys(changes).length === 0) {
        process.stderr.write(
            `Pulumi.${name}.yaml asks for the newest backup already; --to its stamp makes another copy of it.\n`,
        );
    }
    await write(stack, name, changes);
    return operate(name, "up", view, { overrides });
}

async function show(name: string, what: "backups" | "status", json: boolean): Promise<boolean> {
    const settings = await settingsOf(await openStack(name));
    const looking = look(settings);
    const asked = settings.lifecycle.suspended ? looking.then(surveyAsleep) : survey(settings, name);
    const [sighting, found, failed] = await Promise.all([looking, asked, failedRuns(settings)]);
    const status = statusOf(settings, sighting, found, failed);
    const text = {
        backups: json ? JSON.stringify(found.backups) : describeBackups(found),
        status: json ? JSON.stringify(status) : describeStatus(name, status),
    };
    process.stdout.write(`${text[what]}\n`);
    return true;
}

async function showAll(json: boolean): Promise<boolean> {
    const standings = await standingsIn(process.cwd(), look);
    process.stdout.write(`${json ? JSON.stringify(standings) : describeOverview(standings)}\n`);
    return true;
}

async function bundleOf(name: string, folder: string, { unmasked }: CommandLine["flags"]): Promise<boolean> {
    const settings = await anySettingsOf(await openStack(name));
    if (settings.role !== "hosts") {
        throw new Error(`Pulumi.${name}.yaml is no replica on hosts: bundles are made of these.`);
    }
    const { survey, problems } = await lookAt(settings, name);
    if (survey === undefined && problems[0] !== undefined) {
        throw new Error(problems[0]);
    }
    const request = { stack: `${project}/${name}`, settings, program: await bundle("all"), survey, folder };
    process.stdout.write(`${await makeBundle({ ...request, ...(unmasked !== undefined && { unmasked }) })}\n`);
    return true;
}

async function suggest(name: string): Promise<boolean> {
    const settings = await replicaSettingsOf(await openStack(name));
    const found = proposal.parse(
        settings.role === "hosts"
            ? await askTarget(settings, name, "mask-suggest")
            : await askAgent(settings, name, "mask-suggest"),
    );
    process.stdout.write(maskingFile(found, settings.masking?.databases ?? {}));
    return true;
}

async function announce(name: string, flags: CommandLine["flags"]): Promise<boolean> {
    const settings = await settingsOf(await openStack(name));
    const stack = `${project}/${name}`;
    const announcement = announcementFor(settings, stack, await look(settings), announceRequest(flags));
    tell(await makeAnnouncement(settings, stack, announcement));
    return true;
}

function announceRequest({ reason, in: after }: CommandLine["flags"]): AnnounceRequest {
    return { ...(reason !== undefined && { reason }), ...(after !== undefined && { after }) };
}

function tell(sentences: string[]): void {
    process.stdout.write(sentences.map((sentence) => `${sentence}\n`).join(""));
}

async function showAccess(name: string, json: boolean): Promise<boolean> {
    const settings = await settingsOf(await openStack(name));
    const access = await lookAtAccess(settings);
    const { namespace } = settings.target;
    process.stdout.write(`${json ? JSON.stringify(access) : describeAccess(access, namespace)}\n`);
    return true;
}

async function main(args: string[]): Promise<number> {
    let line: CommandLine;
    try {
        line = readArguments(args);
    } catch (error) {
        process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
        return 2;
    }
    const shows = ["backups", "rewrites", "status"].includes(line.command);
    const view = line.flags.json === true && !shows ? jsonView() : textView();
    const isWell = await run(line, view).catch((error: unknown) => {
        const reason = reasonOf(error);
        process.stderr.write(`understudy: ${reason}\n`);
        view.diagnostic?.(reason, "error");
        view.end({ result: "failed", generations: null });
        return false;
    });
    if (!isWell && ["up", "refresh", "drill"].includes(line.command)) {
        await tellFailed(line);
    }
    return isWell ? 0 : 1;
}

/** Tells that an update or a refresh has failed. The reason is not told: a server's may quote a row. */
async function tellFailed({ command, stack: name }: CommandLine): Promise<void> {
    const id = `${project}/${name}`;
    try {
        const settings = await anySettingsOf(await openStack(name));
        if (settings.role !== "source") {
            const tell = await tellerOf(settings, id);
            const what = command === "up" ? "update" : command;
            const text = `The ${what} of ${id} has failed: understudy status ${name} tells how it is.`;
            for (const problem of await tell({ event: "failed", text })) {
                process.stderr.write(`${problem}\n`);
            }
        }
    } catch {
        // Of a stack file that cannot be read nobody knows whom to tell.
    }
}

// Whoever reads may go (`| head`): the operation goes on to its end, and nobody hears of it.
for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => undefined);
}
main(process.argv.slice(2)).then((status) => process.exit(status));
