/** What restore drills have come to: whether production's data can be had from its backups, and how long that takes. */
import * as z from "zod";
import { formatAge, formatBytes, plural } from "../agent/report";
import { entriesIn } from "../contract/manifest";

const drillSchema = z.object({
    /** ISO time. */
    started: z.iso.datetime(),
    /** From nothing to an application on proven data. */
    seconds: z.number(),
    succeeded: z.boolean(),
    /** Stamp of the backup, its age in seconds when the drill began, and what was restored; absent where it failed. */
    backup: z.string().optional(),
    age: z.number().optional(),
    rows: z.number().optional(),
    bytes: z.number().optional(),
});
export type Drill = z.infer<typeof drillSchema>;

/**
 * Drills as they are kept, a line each, the oldest first.
 *
 * @param file what the text is called
 * @throws Error that names the line which is none
 */
export function drillsIn(file: string, text: string): Drill[] {
    return entriesIn(file, text, drillSchema);
}

/** A drill in words, beside those before it. */
export function describeDrill(drill: Drill, before: Drill[]): string {
    const { succeeded, seconds, backup, age = 0, rows = 0, bytes = 0 } = drill;
    if (!succeeded) {
        return `The drill has failed after ${formatAge(seconds)}: what the update has said above is why.`;
    }
    const times = before.filter((one) => one.succeeded).map((one) => one.seconds);
    const trend =
        times.length === 0
            ? "It is the first."
            : `The last took ${formatAge(times.at(-1) ?? 0)}; half of ${plural(times.length, "drill")} took no longer than ${formatAge(median(times))}.`;
    const failed = before.length - times.length;
    return (
        `Backup ${backup ?? "(not known)"} (${formatAge(age)} old) can be restored: ${plural(rows, "row")}, ${formatBytes(bytes)}, ` +
        `restored and proven in ${formatAge(seconds)}. ${trend}${failed === 0 ? "" : ` ${plural(failed, "drill")} failed.`}`
    );
}

/** The lower one, of an even number. */
function median(values: number[]): number {
    return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}
