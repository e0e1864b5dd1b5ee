/** What people who use a replica were told of its next refresh: an annotation of its namespace, or a file on its host. */
import * as z from "zod";
import { awaited, type Generations } from "../components/generations";
import { copies, notesIn, readNote, timeOf } from "../lifecycle/notes";
import type { Settings } from "../settings";
import type { Sighting } from "../sighting";

/** Milliseconds for which an announcement stands. */
const life = 24 * 3600 * 1000;

const announcementSchema = z.object({
    owner: z.string(),
    reason: z.string(),
    /** ISO times between which the refresh may begin. */
    begins: z.iso.datetime(),
    ends: z.iso.datetime(),
    /** The copies whose end was announced: with others in their place it is done. */
    live: copies,
});
export type Announcement = z.infer<typeof announcementSchema>;

/** An announcement of the end of these copies, so many seconds from now. */
export function announcementOf(
    { owner, reason, seconds }: { owner: string; reason: string; seconds: number },
    live: Generations,
    now = Date.now(),
): Announcement {
    const begins = now + seconds * 1000;
    return { owner, reason, begins: timeOf(begins), ends: timeOf(begins + life), live };
}

/** The announcement that stands: of the end of what is live, and not past its own. */
export function announced({ target, live }: Sighting, now = Date.now()): Announcement | undefined {
    return standing(notesIn(target?.annotations).announced, live, now);
}

/**
 * The same of what is written down somewhere.
 *
 * @param text an announcement as JSON; whatever else it is, is none
 */
export function standing(
    text: string | undefined,
    live: Generations | undefined,
    now = Date.now(),
): Announcement | undefined {
    const found = readNote(text, announcementSchema);
    const isOfLive = found?.live.database === live?.database && found?.live.media === live?.media;
    return found !== undefined && isOfLive && now < Date.parse(found.ends) ? found : undefined;
}

/** Why another copy may not be made yet: nobody was told, or only a moment ago. The first copy takes nothing from anybody. */
export function announceObjections(settings: Settings, stack: string, sighting: Sighting, now = Date.now()): string[] {
    const { notice } = settings.announce ?? {};
    const isReplaced = sighting.live !== undefined && awaited(settings, sighting.live).length > 0;
    return notice === undefined || !isReplaced ? [] : noticeObjections(stack, announced(sighting, now), now);
}

/** The same of a replica whose stack file wants a notice, and whose copies are to be replaced. */
export function noticeObjections(stack: string, told: Announcement | undefined, now = Date.now()): string[] {
    if (told === undefined) {
        const name = stack.split("/").at(-1);
        return [
            `Another copy takes the place of what people use, and announce.notice wants them to be told before: run understudy ` +
                `announce ${name}, with --reason TEXT, and again when the notice has passed.`,
        ];
    }
    return now < Date.parse(told.begins)
        ? [`The refresh is announced (${describeAnnouncement(told)}): run it from then on.`]
        : [];
}

/** An announcement for people. */
export function describeAnnouncement({ owner, reason, begins, ends }: Announcement): string {
    return `by ${owner}: ${reason}; from ${begins} on, until ${ends}`;
}
