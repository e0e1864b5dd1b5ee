/** Every stack of a project at a glance: what its stack file asks for, and what of it stands. */
import { ageOf } from "../agent/backup/age";
import { formatAge } from "../agent/report";
import { firstLine } from "../cluster";
import { type HistoryEntry, historyWith } from "../contract/history";
import { tagOf } from "../contract/tag";
import { describeExpiry, expiryOf, staleness } from "../lifecycle/expiry";
import { timeOf } from "../lifecycle/notes";
import { announced, describeAnnouncement } from "../preflight/announcement";
import { newestBackup } from "../preflight/backup";
import { isInTheWay } from "../preflight/lease";
import { type AnySettings, parseStack, type Settings } from "../settings";
import type { Sighting } from "../sighting";
import { project } from "./project";
import { readStackFile, stacksIn } from "./stack-files";
import { ageInCluster, usageInCluster } from "./usage";

/** How a stack is, as far as it can be told without asking its agent. Null is what there is not, or nobody knows. */
export interface Standing {
    stack: string;
    role: AnySettings["role"] | null;
    context: string | null;
    namespace: string | null;
    /** Whether the replica stands. */
    stands: boolean | null;
    /** Tag that runs, else the one that the stack file asks for. */
    imageTag: string | null;
    /** Stamp of the backup that is live, its age in seconds, and since when it is. */
    backup: string | null;
    age: number | null;
    switched: string | null;
    /** Production's tag. */
    productionTag: string | null;
    /** Stamp of a backup that is newer than what is live, if production's side tells of one. */
    newer: string | null;
    /** Who holds it: `<who>: <why>`. */
    hold: string | null;
    /** ISO time. */
    expires: string | null;
    /** Whether its data are older than the stack file wants them. */
    stale: boolean;
    suspended: boolean;
    /** What the copies that were live have come to, the oldest first. */
    history: HistoryEntry[];
    /** The line of what is live. */
    loaded: HistoryEntry | null;
    /** What else is to be known, a sentence each: who holds it, who is changing it, what cannot be read. */
    notes: string[];
}

const unknown = {
    ...{ role: null, context: null, namespace: null, stands: null, imageTag: null },
    ...{ backup: null, age: null, switched: null, productionTag: null, newer: null, hold: null, expires: null },
    ...{ stale: false, suspended: false, history: [], loaded: null },
};

/** Looks at every stack that a folder has a file of. */
export async function standingsIn(
    folder: string,
    look: (settings: Settings) => Promise<Sighting>,
    now = Date.now(),
): Promise<Standing[]> {
    const stacks = await stacksIn(folder);
    return Promise.all(stacks.map((stack) => standingOf(stack, readStackFile(folder, stack), look, now)));
}

/**
 * Looks at one stack.
 *
 * @param config what its stack file holds
 * @param look reads what its clusters tell
 */
export async function standingOf(
    stack: string,
    config: Promise<Record<string, string>>,
    look: (settings: Settings) => Promise<Sighting>,
    now = Date.now(),
): Promise<Standing> {
    let settings: AnySettings;
    try {
        settings = parseStack(await config, project, stack);
    } catch (error) {
        return { stack, ...unknown, notes: [firstLine(error)] };
    }
    if (settings.role === "source") {
        const { context, namespace } = settings.source;
        return {
            stack,
            ...unknown,
            role: settings.role,
            context,
            namespace,
            notes: [`publishes backups at ${settings.schedule}`],
        };
    }
    if (settings.role === "hosts") {
        const { target, hold } = settings;
        const notes = [`on host ${target.host}`, ...(hold === undefined ? [] : [`held by ${hold}`])];
        return { stack, ...unknown, role: settings.role, hold: hold ?? null, notes };
    }
    const { role, target } = settings;
    const asked = { stack, ...unknown, role, context: target.context, namespace: target.namespace };
    try {
        return { ...asked, ...seen(settings, await look(settings), now) };
    } catch (error) {
        return { ...asked, imageTag: settings.imageTag, notes: [firstLine(error)] };
    }
}

function seen(
    settings: Settings,
    sighting: Sighting,
    now: number,
): Omit<Standing, "stack" | "role" | "context" | "namespace"> {
    const { application, report, lease, stands = false, unseen, sourceImage } = sighting;
    const backup = report?.database.report?.stamp ?? null;
    const { lifecycle } = settings;
    const usage = usageInCluster(settings, sighting);
    const { held } = usage;
    const expiry = describeExpiry(lifecycle, usage, now);
    const stale = staleness(lifecycle, ageInCluster(sighting, now));
    const newest = newestBackup(settings, sighting)?.stamp ?? null;
    const { ends } = expiryOf(lifecycle, usage);
    const history = historyWith(sighting.history ?? [], report);
    const last = history.at(-1) ?? null;
    const isLive = last?.database === sighting.live?.database && last?.media === sighting.live?.media;
    const announcement = announced(sighting, now);
    return {
        stands,
        imageTag: application === undefined ? settings.imageTag : tagOf(application.image),
        backup,
        age: backup === null ? null : ageOf(backup, now),
        switched: report?.database.switched ?? null,
        productionTag: sourceImage === undefined ? null : tagOf(sourceImage),
        newer: newest !== null && backup !== null && newest > backup ? newest : null,
        hold: held ?? null,
        expires: ends === undefined ? null : timeOf(ends),
        stale: stale !== undefined,
        suspended: lifecycle.suspended,
        history,
        loaded: isLive ? last : null,
        notes: [
            ...(held === undefined ? [] : [`held by ${held}`]),
            // That it has expired or will, and is stale.
            ...[expiry, stale].filter((note) => note !== undefined),
            ...(announcement === undefined ? [] : [describeAnnouncement(announcement)]),
            ...(lease !== undefined && isInTheWay(lease, now) ? [`${lease.holder} is changing it`] : []),
            ...(unseen === undefined ? [] : [unseen]),
        ],
    };
}

/** An overview for people: a line for each stack, and what is to be known of it below. */
export function describeOverview(standings: Standing[]): string {
    const lines = standings.map((one) => [one.stack, one.namespace ?? "", one.imageTag ?? "", dataOf(one)]);
    const all = [["stack", "namespace", "image tag", "data"], ...lines];
    const widths = [0, 1, 2].map((column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
    const text = (cells: string[]) =>
        cells
            .map((cell, column) => cell.padEnd(widths[column] ?? 0))
            .join("  ")
            .trimEnd();
    return all
        .flatMap((cells, at) => [text(cells), ...(standings[at - 1]?.notes ?? []).map((note) => `    ${note}`)])
        .join("\n");
}

function dataOf({ role, stands, backup, age, switched }: Standing): string {
    if (role !== "replica") {
        return role === "source" ? "production's own" : "";
    }
    if (backup !== null) {
        return `${backup}, ${formatAge(age ?? 0)} old; live since ${switched ?? "nobody knows when"}`;
    }
    return stands === null ? "" : stands ? "none is live" : "does not stand";
}
