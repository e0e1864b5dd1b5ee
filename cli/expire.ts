/** `understudy ttl` and `understudy extend`: what is due about replicas whose copy has been used for long enough. */
import { formatAge } from "../agent/report";
import { firstLine } from "../cluster";
import { labelValue, stackLabel } from "../components/labels";
import { dueOf, expiryOf, extensionOf, staleness, type Usage } from "../lifecycle/expiry";
import { timeOf } from "../lifecycle/notes";
import { type AnySettings, parseStack, type Settings } from "../settings";
import type { HostSettings } from "../settings/hosts";
import { look } from "../sighting";
import { whoever } from "./announce";
import { lookAt } from "./hosts";
import { writeNotes } from "./notes";
import { tellerOf } from "./notice";
import { operate } from "./operation";
import { project } from "./project";
import { anySettingsOf, openStack, writeSettings } from "./stack";
import { readStackFile, stacksIn } from "./stack-files";
import { ageInCluster, ageOnHosts, usageInCluster, usageOnHosts } from "./usage";
import type { View } from "./view";

/** How a replica is used, and how old its data is, in seconds. */
interface Found extends Usage {
    age?: number | undefined;
}

/**
 * Looks at how a replica is used.
 *
 * @throws Error when its cluster or host cannot be reached, or nobody knows since when its copy is live
 */
async function usageOf(settings: Settings | HostSettings, name: string, now: number): Promise<Found> {
    const found = settings.role === "hosts" ? await onHosts(settings, name, now) : await inCluster(settings, name, now);
    if (found.live !== undefined && found.switched === undefined) {
        throw new Error(
            `Nobody knows since when the copy of ${name} is live: understudy status ${name} tells what is known.`,
        );
    }
    return found;
}

async function inCluster(settings: Settings, name: string, now: number): Promise<Found> {
    const sighting = await look(settings);
    // Another stack's replica is none of ours.
    return sighting.target?.labels[stackLabel] === labelValue(`${project}/${name}`)
        ? { ...usageInCluster(settings, sighting), age: ageInCluster(sighting, now) }
        : { notes: {} };
}

async function onHosts(settings: HostSettings, name: string, now: number): Promise<Found> {
    const sighting = await lookAt(settings, name);
    const [problem] = sighting.problems;
    if (problem !== undefined && sighting.survey === undefined) {
        throw new Error(problem);
    }
    return { ...usageOnHosts(settings, sighting), age: ageOnHosts(sighting, now) };
}

/** Does what is due about one replica, or about every replica of the project. */
export async function ttl(name: string, view: View): Promise<boolean> {
    if (name !== "") {
        return ttlOf(name, replicaOf(name, await anySettingsOf(await openStack(name))), view);
    }
    let isWell = true;
    for (const one of await stacksIn(process.cwd())) {
        try {
            isWell = (!(await mayBeDue(one)) || (await ttl(one, view))) && isWell;
        } catch (error) {
            view.say(`${one}: ${firstLine(error)}`);
            isWell = false;
        }
    }
    return isWell;
}

/** Whether a stack file says how long a copy may be used: of the others Pulumi need know nothing, nor the passphrase. */
async function mayBeDue(name: string): Promise<boolean> {
    const settings = parseStack(await readStackFile(process.cwd(), name), project, name);
    return (
        settings.role !== "source" &&
        (settings.lifecycle.expires !== undefined || settings.lifecycle.maximumAge !== undefined)
    );
}

function replicaOf(name: string, settings: AnySettings): Settings | HostSettings {
    if (settings.role === "source") {
        throw new Error(`Pulumi.${name}.yaml is production's side (role: source), which does not expire.`);
    }
    return settings;
}

async function ttlOf(name: string, settings: Settings | HostSettings, view: View): Promise<boolean> {
    const { lifecycle } = settings;
    const id = `${project}/${name}`;
    const now = Date.now();
    const usage = await usageOf(settings, name, now);
    const due = dueOf(lifecycle, usage, now);
    const tell = await tellerOf(settings, id);
    view.say(`${name} ${due.sentence}`);
    const stale = staleness(lifecycle, usage.age);
    if (stale !== undefined) {
        view.say(`${name} ${stale}`);
    }
    const isWell = await carryOut();
    const told = [
        ...(due.deed === "flag"
            ? await tell({ event: "expired", text: `${id} ${due.sentence}.`, facts: due.flag })
            : []),
        ...(due.deed === "suspend" || due.deed === "wipe" ? await tell({ event: "expired", text: outcome() }) : []),
        ...(stale === undefined ? [] : await tell({ event: "stale", text: `${id} ${stale}.` })),
    ];
    told.forEach(view.say);
    return isWell;

    async function carryOut(): Promise<boolean> {
        switch (due.deed) {
            case "nothing":
                return true;
            case "unflag":
                await writeNotes(settings, id, { expired: null });
                return true;
            case "flag":
                await writeNotes(settings, id, { expired: due.flag });
                return true;
            case "suspend":
                return suspend();
            case "wipe":
                return operate(name, "wipe", view, { check });
        }
    }

    /** The stack file goes back to what it was where it could not be done: the next run tries again. */
    async function suspend(): Promise<boolean> {
        const stack = await openStack(name);
        await writeSettings(stack, { "lifecycle.suspended": "true" });
        let isDone = false;
        try {
            isDone = await operate(name, "up", view, { check });
        } finally {
            if (!isDone) {
                await writeSettings(stack, { "lifecycle.suspended": "false" });
            }
        }
        return isDone;
    }

    /** Newer data is not taken, nor what somebody has extended or held meanwhile. */
    async function check(): Promise<void> {
        const { deed } = dueOf(lifecycle, await usageOf(settings, name, Date.now()), Date.now());
        if (deed !== due.deed) {
            throw new Error(`${name} is no longer to be ${done()}: it was changed meanwhile. Nothing was changed.`);
        }
    }

    function done(): string {
        return due.deed === "wipe" ? "wiped" : "suspended";
    }

    function outcome(): string {
        return isWell
            ? `${id} had expired and is ${done()}.`
            : `${id} has expired and could not be ${done()}: understudy status ${name} tells how it is.`;
    }
}

/**
 * Lets a replica be used for longer, and wakes it if it is suspended.
 *
 * @param until a day, or a time span from now
 * @throws Error when there is nothing to extend, or it lasts as long anyway
 */
export async function extend(name: string, until: string, reason: string | undefined, view: View): Promise<boolean> {
    const stack = await openStack(name);
    const settings = replicaOf(name, await anySettingsOf(stack));
    const { announce, lifecycle } = settings;
    const now = Date.now();
    const owner = announce?.owner ?? whoever();
    const extension = extensionOf(until, { owner, reason: reason ?? "it is still needed" }, now);
    const usage = await usageOf(settings, name, now);
    const { ends } = expiryOf(lifecycle, { ...usage, notes: {} });
    if (ends === undefined) {
        throw new Error(`${name} ${dueOf(lifecycle, usage, now).sentence}: there is nothing to extend.`);
    }
    if (Date.parse(extension.until) <= ends) {
        throw new Error(
            `${name} expires ${timeOf(ends)} anyway, which is later: write a later day, or a longer time span.`,
        );
    }
    await writeNotes(settings, `${project}/${name}`, { extended: extension, expired: null });
    view.say(
        `${name} may be used until ${extension.until}, for another ${formatAge((Date.parse(extension.until) - now) / 1000)}; ` +
            `extended by ${extension.owner}: ${extension.reason}`,
    );
    if (settings.role === "hosts" || !settings.lifecycle.suspended) {
        view.end({ result: "succeeded", generations: null });
        return true;
    }
    await writeSettings(stack, { "lifecycle.suspended": "false" });
    return operate(name, "up", view);
}
