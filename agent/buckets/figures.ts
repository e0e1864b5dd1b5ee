/** What people are told of bucket copies. */
import { type Amount, type BucketCopy, type BucketOutcome, nameOfPlace } from "../../contract/buckets";
import { Refusal } from "../refusal";
import { formatAge, formatBytes, plural } from "../report";

/** A copy by its name. */
export function nameOfCopy({ description, from, to }: BucketCopy): string {
    return description ?? `${nameOfPlace(from)} to ${nameOfPlace(to)}`;
}

/** What a copy would do, as sentences. */
export function describePlanned(outcome: BucketOutcome): string {
    const { adds, changes, deletes } = outcome;
    const parts = [planned("add", adds), planned("replace", changes), planned("delete", deletes)].filter(Boolean);
    const figures = parts.length === 0 ? "nothing to do" : parts.join(", ");
    return sentences(outcome, adds === undefined ? undefined : `${figures}; the source has ${held(outcome)}`);
}

function planned(what: string, amount: Amount | undefined): string {
    if (amount === undefined || amount.objects === 0) {
        return "";
    }
    const { objects, bytes, examples } = amount;
    const names = examples.map((name) => JSON.stringify(name)).join(", ");
    return `${what} ${plural(objects, "object")} (${formatBytes(bytes)}: ${names}${objects > examples.length ? ", …" : ""})`;
}

/** What has become of a copy, as sentences. */
export function describeDone(outcome: BucketOutcome): string {
    const { adds, changes, deletes, seconds, problem } = outcome;
    const moved = formatBytes((adds?.bytes ?? 0) + (changes?.bytes ?? 0));
    const figures =
        `${count(adds)} added and ${count(changes)} replaced (${moved}), ${count(deletes)} deleted, of ${held(outcome)}, ` +
        `in ${formatAge(seconds)}`;
    return sentences(outcome, problem === undefined ? figures : undefined);
}

function count(amount: Amount | undefined): string {
    return (amount?.objects ?? 0).toLocaleString("en-US");
}

function held({ source }: BucketOutcome): string {
    return `${plural(source?.objects ?? 0, "object")} (${formatBytes(source?.bytes ?? 0)})`;
}

function sentences({ name, problem, unknown }: BucketOutcome, figures: string | undefined): string {
    const all = [figures, problem?.replace(/\.$/, ""), ...unknown.map((text) => `not known: ${text}`)];
    return `${name}: ${all.filter((text) => text !== undefined).join(". ")}.`;
}

/** All objects of a kind in all copies. */
export function totalOf(outcomes: BucketOutcome[], kind: "adds" | "changes" | "deletes"): string {
    return plural(
        outcomes.reduce((sum, outcome) => sum + (outcome[kind]?.objects ?? 0), 0),
        "object",
    );
}

export function buckets({ length }: BucketOutcome[]): string {
    return plural(length, "bucket");
}

/**
 * Ends a run in which copies went wrong, each by name.
 *
 * @param what has become of them
 * @throws {Refusal} when all of them were refused before anything was changed
 * @throws {Error} else
 */
export function refuseProblems(outcomes: BucketOutcome[], what: string): void {
    const bad = outcomes.filter(({ problem }) => problem !== undefined);
    if (bad.length === 0) {
        return;
    }
    const share = outcomes.length === 1 ? "" : `${bad.length} of ${outcomes.length} bucket copies ${what}: `;
    const problems = bad.map(({ name, problem }) => `${name}: ${problem?.replace(/\.$/, "")}`).join("; ");
    const sentence = `${share}${problems}.`;
    throw outcomes.every(({ refused }) => refused) ? new Refusal(sentence) : new Error(sentence);
}
