/** What has to be known of a replica on hosts before the first resource is registered. Reads only. */
import * as pulumi from "@pulumi/pulumi";
import { generationsOf } from "../components/hosts/generations";
import { type HostReplicaArgs, orderOf } from "../components/hosts/replica";
import { isolationProblems } from "../hosts/isolation";
import { type HostSighting, lookAtHosts } from "../hosts/look";
import { parityProblem } from "../hosts/parity";
import { Refusal } from "../refusal";
import type { HostSettings } from "../settings/hosts";
import { noticeObjections } from "./announcement";

/**
 * Looks at the hosts.
 *
 * @param wiping whether the replica is to be removed, in which nobody but its hold has a say
 * @throws {Refusal} with a sentence for everything that speaks against an update. A preview goes on where a host cannot be
 *   reached, and says what it could not check.
 */
export async function hostPreflight(args: HostReplicaArgs, wiping = false): Promise<HostSighting> {
    const { settings, stack } = args;
    const held =
        settings.hold === undefined
            ? []
            : [`The replica is held by ${settings.hold}: ask, then remove the setting hold.`];
    if (wiping) {
        refuse(held);
        return { problems: [] };
    }
    const sighting = await lookAtHosts(orderOf(args, ""), pulumi.runtime.isDryRun());
    const preview = pulumi.runtime.isDryRun();
    if (preview) {
        for (const problem of sighting.problems) {
            await pulumi.log.warn(`${problem} An update will refuse to go on.`);
        }
    }
    const now = preview
        ? []
        : [...hostAnnounceObjections(settings, stack, sighting, replaces(settings, sighting)), ...sighting.problems];
    refuse([...held, ...hostObjections(settings, sighting), ...now]);
    const { allowMismatch } = settings.parity ?? {};
    const mismatch = sighting.parity && parityProblem(sighting.parity);
    if (mismatch !== undefined && allowMismatch !== undefined) {
        await pulumi.log.warn(`${mismatch} Allowed: ${allowMismatch}.`);
    }
    return sighting;
}

function refuse(problems: string[]): void {
    if (problems.length > 0) {
        throw new Refusal(problems.map((problem) => `${problem} Nothing was changed.`).join("\n"));
    }
}

/** What was seen and speaks against an update: data is not brought to another version, nor to where production is in reach. */
export function hostObjections(settings: HostSettings, { parity, survey, isolation = [] }: HostSighting): string[] {
    const live = survey?.databases.find(({ state }) => state === "live");
    const isRefresh = live?.id !== generationsOf(settings).database;
    const mismatch = parity && parityProblem(parity);
    return [
        ...(mismatch !== undefined && isRefresh && settings.parity?.allowMismatch === undefined ? [mismatch] : []),
        ...isolationProblems(isolation),
    ];
}

/** Why copies that people use may not be replaced yet. */
export function hostAnnounceObjections(
    { announce }: HostSettings,
    stack: string,
    { live, announced }: HostSighting,
    isReplaced: boolean,
): string[] {
    return announce?.notice === undefined || live === undefined || !isReplaced
        ? []
        : noticeObjections(stack, announced);
}

/** Whether the settings ask for other copies than the live ones. */
export function replaces(settings: HostSettings, { live }: HostSighting): boolean {
    const { database, media, folders } = generationsOf(settings);
    const wanted = [...(settings.media?.mode === "copy" ? [media] : []), ...Object.values(folders)];
    return live?.database !== database || wanted.some((id, at) => live.folders[at] !== id);
}
