import type { Rule } from "../../../contract/masking";
import { plural } from "../../report";
import type { Column } from "./columns";
import { suggestedLines } from "./suggest";

/** Columns that a sentence names. */
const few = 30;

/** What has to be written to the masking file before a copy is used. */
export function unclassifiedSentence(columns: Column[], live: string, file: string): string {
    const more = columns.length > few ? ` … and ${columns.length - few} more` : "";
    return (
        `${file} has neither a rule nor keep for ${plural(columns.length, "column")} with text of database ${live}, so ` +
        `the copy is not used. Look at each and add below ${live}, with a rule that is right for it: ` +
        `${suggestedLines(columns.slice(0, few)).join("; ")}${more}`
    );
}

/** A rule in a word. */
export function kindOf(rule: Rule): string {
    return typeof rule === "string" ? rule : "fixed" in rule ? "fixed" : "sql";
}
