/** Announcements of replicas on hosts. */
import { bundle } from "../agent/bundle";
import { orderOf } from "../components/hosts/replica";
import { writeAnnounced } from "../hosts/announced";
import { onHost } from "../hosts/install";
import { endOf, type HostSighting } from "../hosts/look";
import { openWays } from "../hosts/way";
import type { HostSettings } from "../settings/hosts";
import { type AnnounceRequest, announcementOfEnd, sentenceOf, tellHook } from "./announce";

/**
 * Writes an announcement down on the target's host, and tells the web hook and the command, if there are any.
 *
 * @param stack `<project>/<stack>`
 * @returns sentences on what was done; that somebody could not be told is one of them, and no failure
 * @throws Error when nothing is there that a refresh could take from anybody, or the host cannot be reached
 */
export async function announceOnHosts(
    settings: HostSettings,
    stack: string,
    { live, problems }: HostSighting,
    request: AnnounceRequest,
): Promise<string[]> {
    const { announce, target } = settings;
    if (live === undefined) {
        throw new Error(problems[0] ?? `Host ${target.host} holds no copy of ${stack} whose end could be announced.`);
    }
    const announcement = announcementOfEnd(endOf(live), announce, request);
    const order = orderOf({ stack, settings, program: await bundle("all") }, "");
    const text = sentenceOf(stack, announcement);
    const ways = openWays(order.hosts);
    try {
        await writeAnnounced(order, ways, announcement);
        const { url, command } = announce ?? {};
        const hook =
            url === undefined
                ? undefined
                : await tellHook(url, undefined, { text, stack, host: target.host, ...announcement });
        const other =
            command === undefined
                ? undefined
                : await onHost(ways, command.host, command.command, Buffer.from(`${text}\n`)).then(
                      () => undefined,
                      (error: Error) => `announce.command was not told (${error.message}): tell people in another way.`,
                  );
        return [text, hook, other].filter((sentence) => sentence !== undefined);
    } finally {
        ways.close();
    }
}
