/** What each copy that became live has come to: a line for each, the oldest first. */
import * as z from "zod";
import { generationIdText } from "../contract";
import type { Live } from "./event";
import { rowsIn } from "./report";

/** Key of the ConfigMap with the last report: one JSON object a line. */
export const historyFile = "history.jsonl";

/** Lines that are kept: a refresh every night for a year, and some more. */
export const longestHistory = 400;

const historyEntry = z.object({
    /** ISO time since when these copies were live together, never before the line above's. */
    switched: z.iso.datetime(),
    database: generationIdText,
    media: generationIdText,
    /** Stamp of the backup that the database was made from. */
    backup: z.string(),
    /** Of all phases of the copies that were made for it: none of a rollback, of a refresh of the media only theirs. */
    seconds: z.number(),
    /** Milliseconds that nobody could connect; null if the database was not switched, or nobody knows. */
    awayMs: z.number().nullable(),
    /** Of all of the copy's databases. */
    rows: z.number(),
    databaseBytes: z.number(),
    /** Absent if the media are production's own. */
    mediaFiles: z.number().optional(),
    mediaBytes: z.number().optional(),
});
export type HistoryEntry = z.infer<typeof historyEntry>;

/** The lines of a text; whatever else it holds is left out. */
export function historyIn(text = ""): HistoryEntry[] {
    return text.split("\n").flatMap((line) => entryIn(line) ?? []);
}

function entryIn(line: string): HistoryEntry | undefined {
    try {
        return historyEntry.safeParse(JSON.parse(line)).data;
    } catch {
        return undefined;
    }
}

/** The text of these lines. */
export function historyText(history: HistoryEntry[]): string {
    return history.map((entry) => `${JSON.stringify(entry)}\n`).join("");
}

/** A history and what is live, which is on it once. Going back to former copies is a line of its own. */
export function historyWith(history: HistoryEntry[], live: Live | undefined): HistoryEntry[] {
    const entry = live && entryOf(live, history);
    return entry === undefined ? history : [...history, entry].slice(-longestHistory);
}

/** The line of what is live; undefined if that is the last one, or nobody knows since when it is. */
function entryOf({ database, media }: Live, history: HistoryEntry[]): HistoryEntry | undefined {
    const last = history.at(-1);
    const { switched, report } = database;
    if (switched === null || report === null) {
        return undefined;
    }
    const isSwitched = last === undefined || Date.parse(switched) > Date.parse(last.switched);
    if (!isSwitched && last.database === database.id && last.media === media.id) {
        return undefined;
    }
    const reports = [report, ...database.others.flatMap((other) => other.report ?? [])];
    const isNew = (kind: "database" | "media") =>
        history.every((entry) => entry[kind] !== { database, media }[kind].id);
    const phases = [
        ...(isNew("database") ? reports.flatMap((one) => one.phases) : []),
        ...(isNew("media") ? (media.report?.phases ?? []) : []),
    ];
    return {
        switched: latest([switched, ...[media.completed, last?.switched].filter((time) => time != null)]),
        database: database.id,
        media: media.id,
        backup: report.stamp,
        seconds: Math.round(sum(phases.map(({ seconds }) => seconds)) * 1000) / 1000,
        awayMs: isSwitched ? database.awayMs : null,
        rows: sum(reports.map(({ tables }) => rowsIn(tables))),
        databaseBytes: sum(reports.map(({ databaseBytes }) => databaseBytes)),
        ...(media.report && { mediaFiles: media.report.files, mediaBytes: media.report.bytes }),
    };
}

function latest(times: string[]): string {
    return new Date(Math.max(...times.map((time) => Date.parse(time)))).toISOString();
}

function sum(figures: number[]): number {
    return figures.reduce((total, one) => total + one, 0);
}
