/** What production's side tells of the files that a refresh would copy. */
import { formatAge, formatBytes, plural } from "../agent/report";
import type { MediaEdition } from "../contract/editions";
import type { CopiedMedia } from "../settings/media";
import type { Sighting } from "../sighting";
import type { Row } from "../table";

/** What there is to be copied, and what has become of it since the copy in use was made. */
export function mediaRows({ maximumDeletions }: CopiedMedia, sighting: Sighting, now: number): Row[] {
    const [newest] = sighting.editions ?? [];
    if (newest === undefined) {
        return [];
    }
    const { files, bytes, published } = newest;
    const held: Row = ["holds", `${plural(files, "file")}, ${formatBytes(bytes)}, published ${ago(published, now)}`];
    const since = sinceCopy(sighting);
    return since === undefined
        ? [held]
        : [held, ["since then", `${countOf(since)}${shareOf(since, maximumDeletions)}`]];
}

/** That there is something newer than the copy that stays; nothing if there is not. */
export function newerMediaRows(sighting: Sighting, now: number): Row[] {
    const [newest] = sighting.editions ?? [];
    const since = sinceCopy(sighting);
    return newest === undefined || since === undefined || since.brought + since.removed === 0
        ? []
        : [["newer", `media published ${ago(newest.published, now)}: ${countOf(since)}`]];
}

/**
 * Files that came and went since the copy in use, and how many that has. A file that came and went is among those that
 * went: of the copy's own it may be fewer.
 */
type Since = Pick<MediaEdition, "brought" | "removed"> & { of: number };

/** Undefined if there is no copy, or nobody remembers what it was made of. */
function sinceCopy({ editions = [], report }: Sighting): Since | undefined {
    const copy = report?.media.report;
    const made = editions.findIndex(({ published }) => published === copy?.published);
    if (copy == null || made < 0) {
        return undefined;
    }
    const later = editions.slice(0, made);
    const sum = (which: "brought" | "removed") => later.reduce((total, one) => total + one[which], 0);
    return { brought: sum("brought"), removed: sum("removed"), of: copy.files };
}

function countOf({ brought, removed }: Since): string {
    const gone = removed === 0 ? "none has" : `${removed.toLocaleString("en-US")} ${removed === 1 ? "has" : "have"}`;
    return `${plural(brought, "file")} came or changed, ${gone} gone`;
}

/** What it is of the copy, as the restore will compare it. */
function shareOf({ removed, of }: Since, maximum: number): string {
    if (removed === 0) {
        return "";
    }
    const percent = Math.ceil((100 * Math.min(removed, of)) / Math.max(of, 1));
    const risk = percent > maximum ? ": it may be refused" : "";
    return `: at most ${percent} % of the copy's ${plural(of, "file")}, and media.maximumDeletions is ${maximum} %${risk}`;
}

function ago(published: string, now: number): string {
    return `${formatAge((now - Date.parse(published)) / 1000)} ago`;
}
