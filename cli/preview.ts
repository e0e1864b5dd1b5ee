/** What a preview ends with. */
import { type Row, table } from "../table";

/** How many objects the engine would treat how: its own words for it, such as `create`, `same` or `replace`. */
export type ObjectChanges = Partial<Record<string, number>>;

/** What an update would do, as the program tells it, and what the engine would do with how many objects. */
export function describePreview(rows: Row[], changes: ObjectChanges): string {
    return table([...rows, ["objects", describeObjects(changes)]]);
}

/** What the engine calls replacing is several steps, of which one counts. */
const words: Record<string, string> = {
    create: "made",
    update: "changed",
    replace: "made anew",
    delete: "removed",
    same: "unchanged",
};

/** How many objects would be treated how. */
export function describeObjects(changes: ObjectChanges): string {
    const parts = Object.entries(words).flatMap(([kind, word]) => {
        const count = changes[kind] ?? 0;
        return count === 0 ? [] : `${count} ${word}`;
    });
    return parts.join(", ") || "none";
}
