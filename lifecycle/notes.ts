/** What is written down where a replica stands, for everybody to find: annotations of its namespace, or files on its host. */
import * as z from "zod";

/** Names of the notes; an annotation has `understudy/` before it, a file `.json` behind it. */
export const notes = ["announced", "expired", "extended"] as const;
export type NoteName = (typeof notes)[number];

/** The texts of those that are there. */
export type Notes = Partial<Record<NoteName, string>>;

/** Name of the annotation that a note is. */
export function noteAnnotation(note: NoteName): string {
    return `understudy/${note}`;
}

/** The notes among a namespace's annotations. */
export function notesIn(annotations: Record<string, string> = {}): Notes {
    return Object.fromEntries(
        notes.flatMap((note) => {
            const text = annotations[noteAnnotation(note)];
            return text === undefined ? [] : [[note, text]];
        }),
    );
}

/** What a note says; undefined if there is none, or anything else. */
export function readNote<T>(text: string | undefined, schema: z.ZodType<T>): T | undefined {
    try {
        return schema.safeParse(JSON.parse(text ?? "")).data;
    } catch {
        return undefined;
    }
}

/** The copies that a note is about. */
export const copies = z.object({ database: z.string(), media: z.string() });

/** Time as notes have it. */
export function timeOf(milliseconds: number): string {
    return new Date(milliseconds).toISOString().replace(/\.\d+/, "");
}
