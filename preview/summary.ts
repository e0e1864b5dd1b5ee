/** A preview's first words, for people who have never seen understudy. */
import type { Row } from "../table";

/** What an update would do. */
export interface Preview {
    /** One line in plain words. */
    summary: Summary;
    /** What to weigh before saying yes, a sentence each. */
    risks: string[];
    /** All that is known, by names. */
    rows: Row[];
}

/** What is done, and from what, how, and with which way back. */
export type Summary = [deed: string, rest: string];

/** What becomes of a part of a replica: `returns` is to a copy that is still kept. */
export type Fate = "unknown" | "first" | "replaced" | "returns" | "stays";

/** A part of a replica that is a copy of production's. */
export interface Part {
    /** What it is called: `the database`. */
    name: string;
    fate: Fate;
    /** Where a new copy of it comes from: `the database comes from …`. */
    origin: string;
}

const deeds: [fate: Fate, deed: string][] = [
    ["replaced", "replaces"],
    ["first", "makes the first copy of"],
    ["returns", "goes back to a former copy of"],
    ["stays", "keeps"],
];

/**
 * What becomes of a replica, in one line.
 *
 * @param stack its name
 * @param more sentences that are added
 */
export function summaryOf(stack: string, parts: Part[], more: string[] = []): Summary {
    const of = (...fates: Fate[]) => parts.filter(({ fate }) => fates.includes(fate));
    const origins = of("first", "replaced", "unknown").map(({ origin }) => origin);
    if (of("unknown").length > 0) {
        const asked = `The stack file asks for this: ${origins.join(", ")}.`;
        return ["What would change is not known", [` from here: ${stack} could not be looked at.`, asked].join(" ")];
    }
    const done = deeds.flatMap(([fate, deed]) => {
        const names = of(fate).map(({ name }) => name);
        return names.length === 0 ? [] : `${deed} ${enumerated(names)}`;
    });
    const comes = origins.length === 0 ? "" : `: ${origins.join(", ")}`;
    const safety = of("replaced").length === 0 ? "" : "; what is in use stays until the new copy is proven";
    const found =
        of("returns").length === 0 ? "" : "; what is still kept is exchanged for what is in use, without a restore";
    const [deed = "", stays] = [capitalised(enumerated(done)), of("stays").length === parts.length ? " as it is" : ""];
    return [deed, [` of ${stack}${stays}${comes}${safety}${found}.`, ...more].join(" ")];
}

function enumerated(names: string[]): string {
    return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function capitalised(text: string): string {
    return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What is said of copies that hold people's data as they are. */
export function unmasked(): string {
    return "People's data are not masked (the stack file has no masking): the copy holds them as production does.";
}

/** Where nothing could be looked at, nothing is refused either, and what the stack file says is told. */
export function held(hold: string | undefined): string[] {
    return hold === undefined ? [] : [`The replica is held by ${hold}: an update is refused as long as it is.`];
}
