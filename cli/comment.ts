/** The text of a pull request's comment: what an update would do, for people who have never seen understudy. */
import type { Preview } from "../preview/summary";
import type { Row } from "../table";
import { describeObjects, type ObjectChanges } from "./preview";
import type { Terminal } from "./screen";
import type { View } from "./view";

/** What a comment is made of. */
export interface CommentFacts {
    stack: string;
    /** What an update would do; absent of production's side, and of what was refused. */
    preview?: Preview;
    /** Absent where Pulumi did not get to its end. */
    changes?: ObjectChanges;
    /** Objects that would be taken away, and what Pulumi and the program warn of. */
    removals: string[];
    warnings: string[];
    /** Why there is no preview, or none that got to its end. */
    errors: string[];
    /** What a wipe removes and what it leaves, as `understudy wipe` says it. */
    wipe?: string;
}

/** Characters that a sentence, and a list of them, may take up: GitHub takes 65,536 for all. */
const longest = 1500;
const most = 12;

/** By which a workflow finds its own comment. */
export function markerOf(stack: string): string {
    return `<!-- understudy preview ${stack} -->`;
}

/** A comment in GitHub's Markdown. */
export function commentOf(facts: CommentFacts): string {
    const { stack, preview, changes, removals, warnings, errors, wipe } = facts;
    const weighed = [...(preview?.risks ?? []), ...removals, ...warnings];
    const rows: Row[] = [
        ...(preview?.rows ?? []),
        ...(changes === undefined ? [] : [["objects", describeObjects(changes)] satisfies Row]),
    ];
    const blocks = [
        markerOf(stack),
        headline(facts),
        ...(errors.length === 0 ? [] : [list(errors)]),
        ...(weighed.length === 0 ? [] : [`**To weigh first**\n\n${list(weighed)}`]),
        ...(rows.length === 0 ? [] : [tableOf(rows)]),
        ...(wipe === undefined ? [] : [describeWipe(wipe)]),
        explanation,
    ];
    return `${blocks.join("\n\n")}\n`;
}

function headline({ stack, preview, errors }: CommentFacts): string {
    if (errors.length > 0) {
        return preview === undefined
            ? `**Refused**: nothing of ${escaped(stack)} would be changed, because`
            : `**The preview did not get to its end**, and an update of ${escaped(stack)} may not either, because`;
    }
    const [deed, rest] = preview?.summary ?? [
        "Changes no data",
        ` of ${stack}, which is production's side: its schedules.`,
    ];
    return `**${escaped(deed)}**${escaped(rest)}`;
}

function list(sentences: string[]): string {
    const [shown, more] = [sentences.slice(0, most), sentences.length - most];
    // What is indented goes on with the sentence above.
    const items = shown.map((one) => `${/^\s/.test(one) ? "  " : ""}- ${cell(one.trim())}`);
    return [...items, ...(more > 0 ? [`- ${more} more`] : [])].join("\n");
}

/** Rows without a name go on with what is above. */
function tableOf(rows: Row[]): string {
    const cells: [string, string[]][] = [];
    for (const [name, text] of rows) {
        const last = cells.at(-1);
        if (name === "" && last !== undefined) {
            last[1].push(text);
        } else {
            cells.push([name, [text]]);
        }
    }
    const lines = cells.map(([name, texts]) => `| ${escaped(name)} | ${texts.map(cell).join("<br>")} |`);
    return ["| what | what becomes of it, and what is known |", "| --- | --- |", ...lines].join("\n");
}

function cell(text: string): string {
    return escaped(text.replaceAll(/\s+/g, " ").slice(0, longest));
}

/** Its first line says whose it is and where; the lines below begin with `goes` and `stays`. */
function describeWipe(wipe: string): string {
    const [where = "", ...lines] = wipe.split("\n");
    const items = lines.map((line) => `- ${escaped(line.trim().replace(/: +/, ": "))}`);
    return [`If it is removed (${escaped(where.replace(/:$/, ""))}):`, "", ...items].join("\n");
}

/** Text as it is: no Markdown, no HTML, and nobody who is called by an @. */
function escaped(text: string): string {
    return text.replaceAll(/[\\`*_[\]<>|~&]/g, "\\$&").replaceAll("@", "@&#8203;");
}

const explanation = [
    "<details><summary>What this is about</summary>",
    "",
    "understudy keeps a replica of production (database, media, application) for tests. Production is only read. A",
    "refresh makes a new copy, called a *generation*, beside the one that is in use, proves that it is whole, and then",
    "exchanges the two, which takes the database away for milliseconds on Kubernetes. If anything fails before, the copy",
    "in use stays. A *former copy* is one that is kept to go back to. This comment is made anew with every push.",
    "",
    "</details>",
].join("\n");

/** Shows a comment when all is known; what the engine prints goes to the other stream. */
export function commentView(
    facts: CommentFacts,
    out: Terminal = process.stdout,
    errors: Terminal = process.stderr,
): View {
    const lists: Record<string, string[]> = { warning: facts.warnings, error: facts.errors };
    return {
        engine: (text) => errors.write(text),
        say: (text) => errors.write(`${text}\n`),
        diagnostic: (found, severity) => lists[severity]?.push(...found.split("\n")),
        removal: (sentence) => facts.removals.push(sentence),
        preview: (preview, changes) => Object.assign(facts, { ...(preview && { preview }), changes }),
        job: () => undefined,
        end({ result }) {
            if (result === "failed" && facts.errors.length === 0) {
                facts.errors.push("Pulumi did not say why: look at its lines in the run's log.");
            }
            out.write(commentOf(facts));
        },
    };
}
