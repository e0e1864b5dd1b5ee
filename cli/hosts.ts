/** Replicas on hosts, as the command line deals with them. */
import type { UpdateSummary } from "@pulumi/pulumi/automation";
import { bundle } from "../agent/bundle";
import { generationsOf } from "../components/hosts/generations";
import { orderOf } from "../components/hosts/replica";
import type { Command } from "../contract";
import type { Survey } from "../contract/survey";
import { startAgent } from "../hosts/agent";
import { describeIsolation, isolationProblems } from "../hosts/isolation";
import { type HostSighting, lookAtHosts } from "../hosts/look";
import { openWays } from "../hosts/way";
import { describeExpiry, staleness } from "../lifecycle/expiry";
import { describeAnnouncement } from "../preflight/announcement";
import { parseStack } from "../settings";
import type { HostSettings } from "../settings/hosts";
import { type Row, table } from "../table";
import { databaseRows, mediaRows } from "./live";
import { project } from "./project";
import type { Changes, RefreshRequest } from "./refresh";
import { ageOnHosts, usageOnHosts } from "./usage";

/** Looks at the hosts of a stack. */
export async function lookAt(settings: HostSettings, name: string): Promise<HostSighting> {
    const args = { stack: `${project}/${name}`, settings, program: await bundle("all") };
    return lookAtHosts(orderOf(args, ""));
}

/**
 * Asks the agent on the target something.
 *
 * @returns its answer
 * @throws Error when it is not there, or refuses
 */
export async function askTarget(settings: HostSettings, name: string, command: Command): Promise<unknown> {
    const order = orderOf({ stack: `${project}/${name}`, settings, program: await bundle("all") }, "");
    const ways = openWays(order.hosts);
    try {
        return JSON.parse(await startAgent(order, ways, { ...order.target, command }).ended);
    } finally {
        ways.close();
    }
}

/**
 * What has to be written to the stack file for a refresh.
 *
 * @throws Error when there are no copies of the media to be refreshed alone, or no dump by that name to be had
 */
export function refreshedOnHosts(
    { database, media, folders, buckets }: HostSettings,
    { only, to }: RefreshRequest,
    now = new Date(),
): Changes {
    const again = now.toISOString().replace(/\.\d+/, "");
    const copiesBuckets = buckets !== undefined && buckets.copies.length > 0;
    if (to !== undefined && database.backup === "now") {
        throw new Error(
            "database.backup is now, which makes a dump of its own: leave out --to, or write source.database.files.",
        );
    }
    if (only === "media" && media?.mode !== "copy" && folders.length === 0 && !copiesBuckets) {
        throw new Error("The stack file has no copies of media: there is nothing to refresh.");
    }
    return {
        ...(only !== "media" && { "database.refresh": again, ...(to !== undefined && { "database.backup": to }) }),
        ...(only !== "database" && media?.mode === "copy" && { "media.refresh": again }),
        ...(only !== "database" && copiesBuckets && { "buckets.refresh": again }),
        ...(only !== "database" && Object.fromEntries(folders.map((_, at) => [`folders[${at}].refresh`, again]))),
    };
}

/**
 * What has to be written to the stack file to go back to the copies that were asked for before the present ones.
 *
 * @param history of the stack, the newest first
 * @throws Error when there is nothing to go back to
 */
export function rolledBackOnHosts(
    settings: HostSettings,
    survey: Pick<Survey, "databases" | "media">,
    history: Pick<UpdateSummary, "kind" | "result" | "config">[],
    stackName: string,
): Changes {
    const present = generationsOf(settings);
    const isWhole = (ids: (string | undefined)[]) =>
        ids.every((wanted) => survey.media.some(({ id, completed }) => id === wanted && completed !== null));
    for (const { kind, result, config } of history) {
        const former = kind === "update" && result === "succeeded" ? settingsIn(config, stackName) : undefined;
        const wanted = former && generationsOf(former);
        const isThere =
            survey.databases.some(
                ({ id, state }) => id === wanted?.database && (state === "live" || state === "former"),
            ) &&
            isWhole(former?.media?.mode !== "copy" ? [] : [wanted?.media]) &&
            isWhole(Object.values(wanted?.folders ?? {}));
        if (former !== undefined && isThere && JSON.stringify(wanted) !== JSON.stringify(present)) {
            return {
                "database.backup": former.database.backup,
                "database.refresh": former.database.refresh,
                ...(former.media?.mode === "copy" && { "media.refresh": former.media.refresh }),
                ...Object.fromEntries(former.folders.map(({ refresh }, at) => [`folders[${at}].refresh`, refresh])),
            };
        }
    }
    throw new Error(
        "There is nothing to go back to: no former settings lead to what is kept. database.keepGenerations and " +
            "media.keepGenerations say how much is.",
    );
}

function settingsIn(config: UpdateSummary["config"], stackName: string): HostSettings | undefined {
    const values = Object.entries(config).map(([key, { value }]) => [key, value]);
    try {
        const settings = parseStack(Object.fromEntries(values), project, stackName);
        return settings.role === "hosts" ? settings : undefined;
    } catch {
        return undefined;
    }
}

/** How a replica on hosts is, for people. */
export function describeHosts(settings: HostSettings, sighting: HostSighting, now = Date.now()): string {
    const { survey, parity, isolation, announced } = sighting;
    const { target, services, hold } = settings;
    const live = survey?.databases.find(({ state }) => state === "live");
    const isThere = (wanted: string | undefined) =>
        survey?.media.some(({ id, completed }) => id === wanted && completed !== null) === true;
    const files =
        settings.media?.mode === "copy" ? survey?.media.find(({ completed }) => completed !== null) : undefined;
    const former = survey?.databases.filter(({ state }) => state === "former").map(({ id }) => id) ?? [];
    const leftovers = [
        ...(survey?.databases.filter(({ state }) => state === "preparing") ?? []),
        ...(survey?.media.filter(({ completed }) => completed === null) ?? []),
    ].map(({ id }) => id);
    const rows: Row[] = [
        ["host", target.host],
        ["page", target.page ?? "none is asked"],
        ...(live === undefined ? [["database", "none is live"] satisfies Row] : databaseRows(live)),
        ...(files === undefined ? [] : mediaRows(files)),
        ...Object.entries(generationsOf(settings).folders).map(
            ([name, id]): Row => [
                `folder ${name}`,
                isThere(id) ? `generation ${id}` : `asks for ${id}, which is not there`,
            ],
        ),
        ["services", services.map(({ name }) => name).join(", ") || "none are stopped for a switch"],
        ["kept", former.join(", ") || "no former database"],
        ...(live === undefined ? [] : [["switched", live.switched ?? "nobody knows when"] satisfies Row]),
    ];
    if (parity !== undefined) {
        rows.push(["version", parity.same ? parity.source : `source ${parity.source}, target ${parity.target}`]);
    }
    if (isolation !== undefined) {
        rows.push(["unreachable", describeIsolation(isolation) || "nothing of it"]);
    }
    if (hold !== undefined) {
        rows.push(["held by", hold]);
    }
    if (announced !== undefined) {
        rows.push(["announced", describeAnnouncement(announced)]);
    }
    const expiry = describeExpiry(settings.lifecycle, usageOnHosts(settings, sighting), now);
    const stale = staleness(settings.lifecycle, ageOnHosts(sighting, now));
    rows.push(...[expiry, stale].flatMap((text): Row[] => (text === undefined ? [] : [["lifecycle", text]])));
    if (leftovers.length > 0) {
        rows.push(["left over", `${leftovers.join(", ")}; the next update removes them`]);
    }
    const problems = [...isolationProblems(isolation ?? []), ...sighting.problems];
    rows.push(...problems.map((problem): Row => ["problem", problem]));
    return table(rows);
}

/** What a wipe of a replica on hosts removes and what it leaves, in one sentence each. */
export function describeHostsWipe(
    { hosts, target, database, removeDatabaseVolume, removeMediaVolume, media, folders }: HostSettings,
    name: string,
): string {
    const copied = [...(media?.mode === "copy" ? [target.media] : []), ...folders.map(({ to }) => to)].join(" and ");
    const isCopied = copied !== "";
    const names = [database.name, ...database.others.map((other) => other.name)].join(", ");
    const goes = [
        `the agent on ${Object.keys(hosts).join(", ")}`,
        ...(removeDatabaseVolume ? [`every copy of ${names}`] : []),
        ...(isCopied && removeMediaVolume ? [`every copy of the media in ${copied}`] : []),
    ];
    const stays = [
        "the database server with its marker",
        ...(removeDatabaseVolume ? [] : [`every copy of ${names}`]),
        ...(isCopied && !removeMediaVolume ? [`the media in ${copied}`] : []),
        "services and everything else on the hosts",
    ];
    return [
        `Wipe of ${name} on host ${target.host}:`,
        `  goes:  ${goes.join(", ")}`,
        `  stays: ${stays.join(", ")}`,
    ].join("\n");
}
