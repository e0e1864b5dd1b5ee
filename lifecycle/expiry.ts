/**
 * When a copy of production's data has been used for long enough, and what is to be done then: it is flagged, and what
 * comes after the flag takes no data that is newer than it. Nothing here looks at anything, or changes it.
 */
import * as z from "zod";
import { formatAge } from "../agent/report";
import type { Generations } from "../components/generations";
import type { LifecycleSettings } from "../settings/lifecycle";
import { copies, type Notes, readNote, timeOf } from "./notes";

/** That a copy has expired. */
const flagSchema = z.object({
    /** ISO times: since when it is known, and from when on the replica may be suspended or wiped. */
    flagged: z.iso.datetime(),
    acts: z.iso.datetime(),
    /** The copies that have expired: with others in their place the flag is nobody's. */
    live: copies,
});
export type Flag = z.infer<typeof flagSchema>;

/** That somebody needs a replica for longer. */
const extensionSchema = z.object({ until: z.iso.datetime(), owner: z.string(), reason: z.string() });
export type Extension = z.infer<typeof extensionSchema>;

/** What is to be known of a replica. */
export interface Usage {
    /** The live copies, and when they became live, as an ISO time; absent if there are none, or nobody knows. */
    live?: Generations;
    switched?: string;
    notes: Notes;
    /** Who holds it. */
    held?: string;
    /** Whether it is suspended already. */
    suspended?: boolean;
}

/** How a replica stands, in milliseconds since 1970. */
export interface Expiry {
    /** When it expires, or has; absent if it never does. */
    ends?: number;
    extension?: Extension;
    /** The flag on what is live. */
    flag?: Flag;
}

/** What is to be done about a replica now. */
export type Due =
    | { deed: "nothing"; sentence: string }
    | { deed: "unflag"; sentence: string }
    | { deed: "flag"; flag: Flag; sentence: string }
    | { deed: "suspend" | "wipe"; sentence: string };

/** When a replica expires, and what is written down of it. */
export function expiryOf({ expires }: LifecycleSettings, { live, switched, notes }: Usage): Expiry {
    if (expires === undefined || live === undefined || switched === undefined) {
        return {};
    }
    const extension = readNote(notes.extended, extensionSchema);
    const flag = readNote(notes.expired, flagSchema);
    const isOfLive = flag?.live.database === live.database && flag.live.media === live.media;
    return {
        ends: Math.max(
            Date.parse(switched) + expires * 1000,
            extension === undefined ? 0 : Date.parse(extension.until),
        ),
        ...(extension && { extension }),
        ...(isOfLive && { flag }),
    };
}

/** What is to be done about a replica, given how it is used. */
export function dueOf(lifecycle: LifecycleSettings, usage: Usage, now: number): Due {
    const { ends, flag } = expiryOf(lifecycle, usage);
    const { live, notes, held, suspended = false } = usage;
    if (ends === undefined || live === undefined) {
        const why =
            lifecycle.expires === undefined ? "lifecycle.expires is not set" : "no copy is live, as far as is known";
        return { deed: "nothing", sentence: `does not expire: ${why}` };
    }
    if (now < ends) {
        const deed = notes.expired === undefined ? "nothing" : "unflag";
        return { deed, sentence: `expires ${timeOf(ends)}, in ${formatAge((ends - now) / 1000)}` };
    }
    const since = `has expired ${timeOf(ends)}`;
    if (flag === undefined) {
        const made = { flagged: timeOf(now), acts: timeOf(now + lifecycle.notice * 1000), live };
        return { deed: "flag", flag: made, sentence: `${since}${afterwards(lifecycle, made)}` };
    }
    if (lifecycle.action === "flag" || suspended || held !== undefined || now < Date.parse(flag.acts)) {
        const rest = suspended
            ? "; it is suspended"
            : held !== undefined
              ? `; it stays as it is, held by ${held}`
              : afterwards(lifecycle, flag);
        return { deed: "nothing", sentence: `${since}${rest}` };
    }
    return { deed: lifecycle.action, sentence: `${since}, and was flagged ${flag.flagged}` };
}

/** What comes after a flag, in words. */
function afterwards({ action }: LifecycleSettings, { acts }: Flag): string {
    return action === "flag" ? "" : `; from ${acts} on it is ${action === "wipe" ? "wiped" : "suspended"}`;
}

/** That a replica has expired or will, for people; nothing if it never does. */
export function describeExpiry(lifecycle: LifecycleSettings, usage: Usage, now: number): string | undefined {
    const { ends, extension } = expiryOf(lifecycle, usage);
    if (ends === undefined) {
        return undefined;
    }
    const { sentence } = dueOf(lifecycle, usage, now);
    const isLonger = extension !== undefined && Date.parse(extension.until) === ends;
    return isLonger ? `${sentence}; extended by ${extension.owner}: ${extension.reason}` : sentence;
}

/** That the data which is loaded is older than the stack file wants it; undefined if it is not. Age in seconds. */
export function staleness({ maximumAge }: LifecycleSettings, age: number | null | undefined): string | undefined {
    return maximumAge === undefined || age == null || age <= maximumAge
        ? undefined
        : `is stale: its data is ${formatAge(age)} old, and lifecycle.maximumAge is ${formatAge(maximumAge)}`;
}

/**
 * An extension until a day, or for a time span from now.
 *
 * @param until `7d`, or an ISO day or time
 * @throws Error when it is neither, or over already
 */
export function extensionOf(
    until: string,
    { owner, reason }: Pick<Extension, "owner" | "reason">,
    now = Date.now(),
): Extension {
    const span = /^([1-9][0-9]*)([hd])$/.exec(until);
    const time =
        span === null
            ? /^\d{4}-\d\d-\d\d/.test(until)
                ? Date.parse(until)
                : Number.NaN
            : now + Number(span[1]) * (span[2] === "d" ? 86_400_000 : 3_600_000);
    if (Number.isNaN(time)) {
        throw new Error(
            `"${until}" is no time: write a time span such as 12h or 7d, or a day such as ${timeOf(now + 604_800_000).slice(0, 10)}.`,
        );
    }
    if (time <= now) {
        throw new Error(`${until} is over: write a later day, or a time span such as 7d.`);
    }
    return { until: timeOf(time), owner, reason };
}
