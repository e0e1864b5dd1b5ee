/** What is wrong with a stack file, in sentences. */
import { z } from "zod";

/** What a stack file comes to: its settings, unless they cannot be told, and every problem with them. */
export interface Parsed<T> {
    settings?: T;
    problems: string[];
}

/** Pulumi hands over every value as text; lists, objects, numbers and booleans are JSON in it. */
export function fromText(text: string): unknown {
    if (!/^([[{]|(true|false)$)/.test(text)) {
        return text;
    }
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}

/** One sentence for each thing that one issue of zod with a schema stands for. */
export function describe(issue: z.core.$ZodIssue, schema: z.ZodObject): string[] {
    const at = issue.path.map(String).join(".");
    if (issue.code === "unrecognized_keys") {
        const known = Object.keys(shapeAt(schema, issue.path));
        return issue.keys.map((key) => {
            const like = nearest(key, known);
            const advice = like === undefined ? `known here: ${known.join(", ")}` : `did you mean ${like}?`;
            return `${[...issue.path, key].join(".")} is not a setting; ${advice}`;
        });
    }
    if (issue.code === "invalid_type" && issue.input === undefined) {
        return [`${at} is missing: write ${expectation(issue.expected)}`];
    }
    if (issue.code === "invalid_union") {
        const inner = issue.errors.flat().filter(({ path }) => path.length > 0);
        if (inner.length > 0) {
            return inner.flatMap((one) => describe({ ...one, path: [...issue.path, ...one.path] }, schema));
        }
    }
    if (issue.code === "invalid_key") {
        return [`${at}: ${issue.issues.map(({ message }) => message).join(", ")}`];
    }
    const saw = typeof issue.input === "object" ? "" : ` is ${JSON.stringify(issue.input)}`;
    if (issue.code === "invalid_type") {
        return [`${at}${saw || " is not of that kind"}: write ${expectation(issue.expected)}`];
    }
    if (issue.code === "invalid_value") {
        return [`${at}${saw}: write ${issue.values.join(" or ")}`];
    }
    if (issue.code === "too_small") {
        const least: Record<string, string> = { string: "some text", array: "at least one entry" };
        return [`${at}${saw}: write ${least[issue.origin] ?? `at least ${issue.minimum}`}`];
    }
    if (issue.code === "too_big") {
        return [`${at}${saw}: write at most ${issue.maximum}`];
    }
    return [`${at}${saw}: ${issue.message}`];
}

function expectation(type: string): string {
    const words: Record<string, string> = {
        string: "text (numbers in quotes)",
        number: "a number",
        int: "a whole number",
        boolean: "true or false",
        array: "a list",
        object: "its settings below it",
        record: "NAME: value pairs",
    };
    return words[type] ?? type;
}

/** The settings that are known at a path of a schema. */
function shapeAt(schema: z.ZodObject, path: PropertyKey[]): Record<string, unknown> {
    let type: unknown = schema;
    for (const key of path) {
        type = inside(type, key);
        while (type instanceof z.ZodOptional || type instanceof z.ZodDefault || type instanceof z.ZodPrefault) {
            type = type.unwrap();
        }
        type = type instanceof z.ZodPipe ? type.in : type;
    }
    return shapeOf(type);
}

function inside(type: unknown, key: PropertyKey): unknown {
    if (type instanceof z.ZodArray) {
        return type.element;
    }
    return type instanceof z.ZodRecord ? type.valueType : shapeOf(type)[String(key)];
}

function shapeOf(type: unknown): Record<string, unknown> {
    return type instanceof z.ZodObject ? type.shape : {};
}

/** The known name that differs least from what was written, if it is near enough to have been meant. */
function nearest(word: string, known: string[]): string | undefined {
    const ranked = known
        .map((name) => ({ name, distance: editDistance(word.toLowerCase(), name.toLowerCase()) }))
        .sort((a, b) => a.distance - b.distance);
    const best = ranked[0];
    return best !== undefined && best.distance <= Math.max(2, word.length / 3) ? best.name : undefined;
}

/** Levenshtein's distance: insertions, deletions and replacements from one word to the other. */
function editDistance(a: string, b: string): number {
    let row = Array.from({ length: b.length + 1 }, (_, index) => index);
    for (let i = 1; i <= a.length; i++) {
        const next = [i];
        for (let j = 1; j <= b.length; j++) {
            const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
            next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
        }
        row = next;
    }
    return row[b.length] ?? 0;
}
