import { labelValue, stackLabel } from "../components/labels";
import { endOf, type HostSighting } from "../hosts/look";
import { type Announcement, announcementOf, describeAnnouncement } from "../preflight/announcement";
import { holder } from "../preflight/lease";
import type { Settings } from "../settings";
import type { AnnounceSettings } from "../settings/announce";
import type { HostSettings } from "../settings/hosts";
import { duration } from "../settings/values";
import type { Sighting } from "../sighting";
import { writeNotes } from "./notes";
import { tellerOf } from "./notice";

/** What the command line says of an announcement. */
export interface AnnounceRequest {
    reason?: string;
    /** Time span until the refresh, such as `30m`; the stack file's notice if left out. */
    after?: string;
}

/** Seconds until the refresh where neither the stack file nor the command line says so. */
const usualNotice = 1800;

/**
 * What is to be announced.
 *
 * @throws Error when nothing is there that a refresh could take from anybody, or when it is another stack's
 */
export function announcementFor(
    { announce, target }: Settings,
    stack: string,
    { target: found, live }: Sighting,
    request: AnnounceRequest,
): Announcement {
    if (found?.labels[stackLabel] !== labelValue(stack) || live === undefined) {
        throw new Error(`Namespace ${target.namespace} holds no copy of ${stack} whose end could be announced.`);
    }
    return announcementOfEnd(live, announce, request);
}

/** The same of a replica on hosts. */
export function announcementOnHosts(
    { announce, target }: HostSettings,
    stack: string,
    { live, problems }: HostSighting,
    request: AnnounceRequest,
): Announcement {
    if (live === undefined) {
        throw new Error(problems[0] ?? `Host ${target.host} holds no copy of ${stack} whose end could be announced.`);
    }
    return announcementOfEnd(endOf(live), announce, request);
}

/** An announcement of the end of copies, by whoever the stack file or this process says. */
function announcementOfEnd(
    live: Announcement["live"],
    announce: AnnounceSettings | undefined,
    { reason = "another copy of production's data", after }: AnnounceRequest,
): Announcement {
    const span = after === undefined ? undefined : duration.safeParse(after);
    if (span?.success === false) {
        throw new Error(`--in is ${JSON.stringify(after)}: write a time span such as 90s, 15m, 26h or 7d.`);
    }
    const owner = announce?.owner ?? whoever();
    return announcementOf({ owner, reason, seconds: span?.data ?? announce?.notice ?? usualNotice }, live);
}

/** Whoever runs this, as people call them. */
export function whoever(): string {
    return holder().replace(/, process \d+$/, "");
}

/**
 * Writes an announcement down where everybody finds it, and tells whoever is to be told.
 *
 * @returns sentences on what was done; that somebody could not be told is one of them, and no failure
 */
export async function makeAnnouncement(
    settings: Settings | HostSettings,
    stack: string,
    announcement: Announcement,
): Promise<string[]> {
    const text = `The refresh of ${stack} is announced ${describeAnnouncement(announcement)}.`;
    const tell = await tellerOf(settings, stack);
    await writeNotes(settings, stack, { announced: announcement });
    return [text, ...(await tell({ event: "announced", text, facts: announcement }))];
}
