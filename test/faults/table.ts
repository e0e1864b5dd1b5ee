import { seed } from "./seed";

/** What a fault came to. Whoever tells of one has checked that what is in use is as before, and that running again converges. */
export interface Outcome {
    /** Its number in the list of faults, and what it is. */
    fault: string;
    /** Where it struck, or how it came about. */
    step: string;
    /** What the run said; nothing if it was killed. */
    sentence: string;
    /** Whether it ended within the moments in which a store is changed, which is half then and says so. */
    half?: boolean | undefined;
}

/** Writes what became of a file's faults, for people. */
export function tell(outcomes: Outcome[]): void {
    const rows = outcomes.map(
        ({ fault, step, sentence, half }) =>
            `${fault.padEnd(34)} ${step.padEnd(58)} ${half ? "half" : "yes "}     ${sentence === "" ? "killed" : sentence}`,
    );
    const head = `${"fault".padEnd(34)} ${"step".padEnd(58)} in use   what it said`;
    console.error(
        [`\nseed ${seed}`, head, `${"".padEnd(93)} as before; run again, whole, and nothing left over`, ...rows].join(
            "\n",
        ),
    );
}

/** A way to make production the target, and what was in it. */
export interface Refused {
    way: string;
    /** What has noticed it. */
    guard: string;
    sentence: string;
}

/** Writes which guard has refused what, for people. */
export function tellFences(refused: Refused[]): void {
    const row = ({ way, guard, sentence }: Refused) => `${way.padEnd(78)} ${guard.padEnd(26)} ${sentence}`;
    const head = row({ way: "way to production", guard: "guard", sentence: "what it said" });
    console.error([`\n${head}`, ...refused.map(row)].join("\n"));
}
